// A difference in Rust's colours, with its lines tinted: highlight.js itself does one or the other.
for (const code of document.querySelectorAll('code.language-diff')) {
    const lines = code.textContent.trimEnd().split('\n');
    const rust = hljs.highlight('rust', lines.map((line) => line.slice(1)).join('\n')).value;
    // What is open at the end of a line is closed there, and opened again in the next one.
    let open = [];
    const rows = rust.split('\n').map((row, number) => {
        const before = open.join('');
        for (const tag of row.match(/<[^>]*>/g) ?? []) {
            tag === '</span>' ? open.pop() : open.push(tag);
        }
        const mark = lines[number][0] ?? ' ';
        const kind = { '+': 'diff-new', '-': 'diff-old' }[mark] ?? 'diff-same';
        return `<span class="${kind}">${mark}${before}${row}${'</span>'.repeat(open.length)}\n</span>`;
    });
    code.innerHTML = rows.join('');
}
