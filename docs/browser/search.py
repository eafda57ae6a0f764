"""Searches the built book for what learners look for: `python3 docs/browser/search.py BOOK`, where BOOK is its folder.

The page that explains it has to be the first one found. One line for each that is not; exit status 1 when there is one.
"""

import os
import pathlib
import sys
import urllib.parse

import browser

FIRST = {
    "EOF": "glossary.html#end-of-stream-eof",
    "timeout": "glossary.html#time-out-timeout",
    "time-out": "glossary.html#time-out-timeout",
    "handshake": "glossary.html#handshake",
    "TIME_WAIT": "glossary.html#time_wait",
    "localhost": "glossary.html#localhost",
    "nc": "questions-connect.html#can-i-use-nc-or-telnet-as-a-client",
    "deadlock": "glossary.html#deadlock",
    "framing": "glossary.html#framing",
    "reset": "stage3.html#reset",
    "broken pipe": "glossary.html#broken-pipe",
    "flush": "glossary.html#flush",
    "backlog": "glossary.html#backlog",
}


def main():
    if len(sys.argv) != 2:
        sys.exit("usage: search.py BOOK")
    folder = pathlib.Path(sys.argv[1]).resolve()
    faults = []
    with browser.chromium() as chromium:
        page = browser.page(chromium, faults.append)
        for words, expected in FIRST.items():
            page.goto((folder / "introduction.html").as_uri() + "?search=" + urllib.parse.quote(words))
            page.wait_for_function("document.querySelector('#mdbook-searchresults-header').textContent")
            links = page.locator("#mdbook-searchresults a").evaluate_all("links => links.map(link => link.href)")
            # As a link has it: PAGE?highlight=WORDS#PLACE.
            first = urllib.parse.urlsplit(links[0]) if links else None
            found = f"{os.path.basename(first.path)}#{first.fragment}" if first else "nothing"
            if found != expected:
                faults.append(f"{words}: {found} is found first, and not {expected}")
    for fault in faults:
        print(fault)
    print(f"{len(FIRST)} searches, {len(faults)} faults")
    sys.exit(1 if faults else 0)


main()
