"""Visits every page of the built book: `python3 docs/browser/visit.py BOOK`, where BOOK is the folder of the built book.

Each page is seen wide and narrow, light and dark. One line for each fault; exit status 1 when there is one.
"""

import os
import pathlib
import sys
import urllib.parse

from axe_playwright_python.sync_playwright import Axe

import browser

SIZES = {"wide": (1280, 900), "narrow": (390, 844)}  # CSS pixels
# What an examiner of accessibility calls these: https://dequeuniversity.com/rules/axe/. Its contrast is WCAG's 4.5.
GRAVE = ("serious", "critical")

# Elements of the page's own text that reach out of the window, or scroll sideways within it.
# A picture of the wire may: it has a frame of its own.
CUT_OFF = """narrow => {
    const cut = [];
    for (const element of document.querySelectorAll('main *')) {
        if (element.closest('svg, .wire, .cast') || !element.checkVisibility()) continue;
        const style = getComputedStyle(element), box = element.getBoundingClientRect();
        const scrolls = element.scrollWidth > element.clientWidth + 1 && style.overflowX !== 'visible' && style.overflowX !== 'clip';
        const frame = element.parentElement.closest('pre, .table-wrapper');
        if (scrolls && narrow && element.clientWidth > 0) cut.push('scrolls sideways: ' + element.outerHTML.slice(0, 90));
        else if (box.right > innerWidth + 1 && !frame) cut.push('reaches out of the window: ' + element.outerHTML.slice(0, 90));
    }
    if (document.documentElement.scrollWidth > innerWidth + 1) cut.push('the whole page scrolls sideways');
    return cut.slice(0, 3);
}"""

LINKS = """() => [...document.querySelectorAll('a[href]')].map(link => link.href)"""
IDS = """() => [...document.querySelectorAll('[id], a[name]')].map(element => element.id || element.name)"""


def faults_of_look(page, narrow, axe):
    """What is wrong with what the page shows."""
    yield from page.evaluate(CUT_OFF, narrow)
    if narrow:
        return  # The same text in the same colours: what can be read when wide can be read when narrow.
    results = axe.run(page, context="main", options={"resultTypes": ["violations"], "preload": False})
    for rule in results.response["violations"]:
        if rule["impact"] in GRAVE:
            nodes = rule["nodes"]
            what = " ".join(nodes[0]["html"].split())[:90]
            yield f"{rule['id']}, {len(nodes)} times, such as {what} ({nodes[0]['any'][0]['message'] if nodes[0]['any'] else rule['help']})"


def fault_of_link(link, ids, folder):
    """Why a link of the book leads nowhere; None when it does not."""
    url = urllib.parse.urlsplit(link)
    if url.scheme != "file":
        return None
    target = pathlib.Path(urllib.parse.unquote(url.path))
    if folder not in target.parents:
        return f"the link {link} leaves the book"
    if not target.is_file():
        return f"the link {link} leads to no page"
    fragment = urllib.parse.unquote(url.fragment)
    if fragment and target in ids and fragment not in ids[target]:
        return f"the link to {target.name} leads to no #{fragment} there"
    return None


def main():
    if len(sys.argv) != 2:
        sys.exit("usage: visit.py BOOK")
    folder = pathlib.Path(sys.argv[1]).resolve()
    # The print page has all others in it, and is looked at on paper.
    pages = [path for path in sorted(folder.rglob("*.html")) if path.name not in ("print.html", "toc.html", "404.html")]
    if not pages:
        sys.exit(f"visit.py: there is no page in {folder}")
    faults, links, ids = [], {}, {}
    axe = Axe()
    with browser.chromium() as chromium, browser.served(folder) as address:
        for scheme in ("light", "dark"):
            where = ""
            page = browser.page(chromium, lambda what: faults.append(f"{where}: {what}"), color_scheme=scheme)
            for path in pages:
                name = os.path.relpath(path, folder)
                # From a server once, as a file once: a book has to work both ways.
                url = path.as_uri() if scheme == "light" else f"{address}/{name}"
                for size, (width, height) in SIZES.items():
                    where = f"{name}, {size}, {scheme}"
                    page.set_viewport_size({"width": width, "height": height})
                    # Anew: in a window that becomes narrow, the list of pages stays open.
                    page.goto(url)
                    faults.extend(f"{where}: {fault}" for fault in faults_of_look(page, size == "narrow", axe))
                if scheme == "light":
                    links[name] = page.evaluate(LINKS)
                    ids[path] = set(page.evaluate(IDS))
    for name, found in links.items():
        for link in sorted(set(found)):
            if fault := fault_of_link(link, ids, folder):
                faults.append(f"{name}: {fault}")
    for fault in faults:
        print(fault)
    print(f"{len(pages)} pages, {len(faults)} faults")
    sys.exit(1 if faults else 0)


main()
