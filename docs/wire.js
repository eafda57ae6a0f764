// Stepping through the picture of a run: a curtain over it, and what happens, who waits where, and what the terminals show.
//
// A picture is an image of the folder `wires`; its steps come from the script beside it, `wires/NAME.js`, which calls `wire`.
// Without this script the picture stands alone.
(() => {
    const runs = {}, asked = {};

    // The steps of a picture: [height, sentence, who is where, terminals], where 0 stands for what has been said before.
    window.wire = (name, run) => {
        runs[name] = run;
        let [, , places, terminals] = [0, '', [], []];
        for (const step of run.steps) {
            places = step[2] ||= places;
            terminals = step[3] ||= terminals;
        }
        asked[name]?.();
    };

    const make = (tag, properties = {}, ...children) => {
        const element = Object.assign(document.createElement(tag), properties);
        element.append(...children);
        return element;
    };
    // What stands in backquotes is code.
    const said = (text) => text.split('`').map((part, at) => (at % 2 ? make('code', { textContent: part }) : part));

    const step = (figure, scroll, paper, run, opener) => {
        const back = make('button', { type: 'button', textContent: '←', ariaLabel: 'One step back' });
        const on = make('button', { type: 'button', textContent: '→', ariaLabel: 'One step on' });
        const slider = make('input', { type: 'range', min: 0, max: run.steps.length, ariaLabel: 'Step' });
        const count = make('output');
        const close = make('button', { type: 'button', textContent: 'Show all' });
        const say = make('p', { className: 'wire-say' });
        say.setAttribute('aria-live', 'polite');
        const who = make('div', { className: 'wire-who' });
        const terminals = make('div', { className: 'wire-terminals' });
        const panel = make('div', { className: 'wire-panel' },
            make('div', { className: 'wire-bar' }, back, on, slider, count, close), say, who, terminals);
        const curtain = make('div', { className: 'wire-curtain' });
        figure.prepend(panel);
        paper.append(curtain);
        figure.tabIndex = 0;

        let at = 0;
        const show = (to) => {
            at = Math.max(0, Math.min(run.steps.length, to));
            const [height, sentence, places, shown] = run.steps[at - 1] ?? [56, '', [], []];
            slider.value = at;
            slider.ariaValueText = `${at} of ${run.steps.length}`;
            count.textContent = `${at} / ${run.steps.length}`;
            // Not disabled: a button that is loses the focus, and the next key turns the page.
            back.ariaDisabled = at === 0;
            on.ariaDisabled = at === run.steps.length;
            say.replaceChildren(...said(at ? sentence : 'Press → to begin. The picture is uncovered from top to bottom, as one thing follows from another.'));
            who.replaceChildren(...places.map(([name, what, kind]) =>
                make('span', { className: kind }, make('b', { textContent: name }), ' ' + what)));
            terminals.replaceChildren(...shown.map(([name, lines]) =>
                make('div', {}, make('b', { textContent: `${name}’s terminal` }), make('samp', { textContent: lines.join('\n') }))));
            terminals.querySelectorAll('samp').forEach((screen) => (screen.scrollTop = screen.scrollHeight));
            curtain.hidden = at === run.steps.length;
            curtain.style.top = `${(100 * height) / run.height}%`;
            // The line stays in sight, with what comes next below it.
            const line = (paper.clientHeight * height) / run.height;
            if (line < scroll.scrollTop + 40 || line > scroll.scrollTop + 0.75 * scroll.clientHeight) {
                const calm = matchMedia('(prefers-reduced-motion: reduce)').matches;
                scroll.scrollTo({ top: at ? line - 0.5 * scroll.clientHeight : 0, behavior: calm ? 'auto' : 'smooth' });
            }
        };
        back.onclick = () => show(at - 1);
        on.onclick = () => show(at + 1);
        slider.oninput = () => show(+slider.value);
        close.onclick = () => {
            panel.remove();
            curtain.remove();
            figure.removeAttribute('tabindex');
            figure.onkeydown = null;
            opener.hidden = false;
            opener.focus();
        };
        // The book turns its pages with these keys; here they are the figure's.
        figure.onkeydown = (event) => {
            const moves = { ArrowLeft: at - 1, ArrowRight: at + 1, Home: 0, End: run.steps.length };
            if (!(event.key in moves) || event.altKey || event.ctrlKey || event.metaKey || event.shiftKey) return;
            event.stopPropagation();
            event.preventDefault();
            show(moves[event.key]);
        };
        show(0);
        figure.scrollIntoView({ block: 'nearest' });
        on.focus();
    };

    const frame = (image) => {
        const name = image.dataset.wire ?? image.src.match(/wires\/([^/?#]+)\.svg/)?.[1];
        if (!name || image.closest('.wire')) return;
        const figure = make('div', { className: 'wire', role: 'group', ariaLabel: image.alt });
        const paper = make('div', { className: 'wire-paper' });
        const scroll = make('div', { className: 'wire-frame' }, paper);
        const opener = make('button', { className: 'wire-open', type: 'button', textContent: 'Step through it' });
        // An image alone in its paragraph takes the paragraph's place.
        const place = image.parentElement.childNodes.length === 1 && image.parentElement.localName === 'p' ? image.parentElement : image;
        place.before(figure);
        paper.append(image);
        if (place !== image) place.remove();
        figure.append(opener, scroll);
        // What scrolls can be scrolled with the keyboard too.
        const fits = () => {
            paper.classList.toggle('small', image.naturalWidth > 0 && image.naturalWidth < 660);
            scroll.scrollWidth > scroll.clientWidth ? (scroll.tabIndex = 0) : scroll.removeAttribute('tabindex');
        };
        image.complete ? fits() : image.addEventListener('load', fits);
        new ResizeObserver(fits).observe(scroll);

        opener.onclick = () => {
            const begin = () => {
                opener.hidden = true;
                step(figure, scroll, paper, runs[name], opener);
            };
            if (runs[name]) return begin();
            asked[name] = () => {
                delete asked[name];
                begin();
            };
            document.head.append(make('script', { src: image.src.replace(/\.svg.*$/, '.js') }));
        };
    };
    document.querySelectorAll('main img').forEach(frame);
})();
