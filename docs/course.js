// What scrolls sideways can be scrolled with the keyboard too.
for (const box of document.querySelectorAll('main pre > code, main .table-wrapper')) {
    new ResizeObserver(() => {
        if (box.scrollWidth > box.clientWidth) box.tabIndex = 0;
        else box.removeAttribute('tabindex');
    }).observe(box);
}
