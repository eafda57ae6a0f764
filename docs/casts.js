// Recordings of `cargo show`, one step for each press.
//
// A recording is an image of the folder `casts` in a figure of class `cast`; the script beside it, `casts/NAME.js`, calls `cast`
// with the whole recording, so that it works from a file too. The player comes when somebody asks for it. Without this script
// the picture stands alone.
(() => {
    const recordings = {};
    window.cast = (name, recording) => { recordings[name] = recording; };

    const load = (address) => new Promise((done, failed) => {
        const style = address.pathname.endsWith('.css');
        const element = style
            ? Object.assign(document.createElement('link'), { rel: 'stylesheet', href: address })
            : Object.assign(document.createElement('script'), { src: address });
        element.onload = done;
        element.onerror = () => failed(new Error(`failed to load ${address}`));
        document.head.append(element);
    });
    let player;

    for (const figure of document.querySelectorAll('figure.cast')) {
        const picture = figure.querySelector('img');
        const name = picture.src.replace(/.*\//, '').replace('.svg', '');
        const beside = (file) => new URL(file, picture.src);
        const button = (text, label) => Object.assign(document.createElement('button'), { type: 'button', textContent: text, ariaLabel: label ?? text });
        const bar = Object.assign(document.createElement('div'), { className: 'cast-bar' });
        const start = button('Play it, one press a step');
        figure.append(bar);
        bar.append(start);
        start.onclick = async () => {
            start.disabled = true;
            try {
                player ??= Promise.all(['asciinema-player.css', 'asciinema-player.min.js'].map((file) => load(beside(file))));
                await Promise.all([player, load(beside(`${name}.js`))]);
            } catch (error) {
                start.textContent = error.message;
                return;
            }
            const [back, on, count] = [button('←', 'One step back'), button('→', 'One step on'), document.createElement('output')];
            const steps = recordings[name].match(/^\[[0-9.]+, "m"/gm).length;
            const screen = document.createElement('div');
            picture.replaceWith(screen);
            bar.replaceChildren(back, on, count);
            const shown = AsciinemaPlayer.create({ data: recordings[name] }, screen,
                { controls: false, fit: 'width', preload: true, poster: 'npt:0', theme: 'asciinema' });
            let at = 0;
            // What a step leads to is drawn at the time of its mark.
            const go = async (to) => {
                at = Math.min(Math.max(to, 0), steps);
                await shown.seek(at ? { marker: at - 1 } : 0);
                count.textContent = `step ${at} of ${steps}`;
                back.disabled = at === 0;
                on.disabled = at === steps;
            };
            back.onclick = () => go(at - 1);
            on.onclick = () => go(at + 1);
            // Keys of the focused figure only: the book has its own for its chapters.
            figure.tabIndex = 0;
            figure.addEventListener('keydown', (event) => {
                const by = { ArrowRight: 1, ' ': 1, Enter: 1, PageDown: 1, ArrowLeft: -1, PageUp: -1 }[event.key];
                if (!by || event.target.tagName === 'BUTTON' && [' ', 'Enter'].includes(event.key)) return;
                event.preventDefault();
                event.stopPropagation();
                go(at + by);
            });
            await go(0);
            on.focus();
        };
    }
})();
