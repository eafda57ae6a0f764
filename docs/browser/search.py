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
    "SYN": "glossary.html#syn",
    "FIN": "glossary.html#fin",
    "port": "glossary.html#port",
    "packet": "glossary.html#packet",
    "blocking": "glossary.html#blocking",
    "thread": "glossary.html#thread",
    "kill": "glossary.html#kill",
    "UDP": "glossary.html#udp",
    "UTF-8": "glossary.html#utf-8",
    "empty message": "glossary.html#empty-message",
    "half-close": "glossary.html#half-close",
    "keepalive": "glossary.html#keepalive",
    "Nagle": "glossary.html#nagle",
    "SO_REUSEADDR": "glossary.html#so_reuseaddr",
    "connection refused": "glossary.html#connection-refused",
    "address already in use": "questions-connect.html#address-already-in-use-and-in-rust-too",
    "ECONNRESET": "glossary.html#connection-reset",
    "10054": "questions-end.html#winerror-10054-when-i-close-the-clients-window",
    "hang": "when-it-fails.html#it-hangs-or-it-is-slow",
    "firewall": "questions-connect.html#is-it-the-firewall",
    "Docker": "questions-connect.html#the-server-runs-in-a-container",
    "strace": "stage1.html#break-it-yourself",
    "tokio": "where-next.html#waiting-for-many-tokio",
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
