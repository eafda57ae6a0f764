// What scrolls sideways can be scrolled with the keyboard too.
for (const box of document.querySelectorAll('main pre > code, main .table-wrapper')) {
    new ResizeObserver(() => {
        if (box.scrollWidth > box.clientWidth) box.tabIndex = 0;
        else box.removeAttribute('tabindex');
    }).observe(box);
}

// A line of text does not end behind the dashes of `--open`, or inside the name of a session.
for (const code of document.querySelectorAll('main :is(p, li, summary) > code')) {
    if (code.children.length || !code.textContent.includes('-')) continue;
    code.replaceChildren(...code.textContent.split(/(\s+)/).map((word) => {
        if (!word.includes('-') || word.length > 30) return word;
        const whole = document.createElement('span');
        whole.className = 'whole';
        whole.textContent = word;
        return whole;
    }));
}
