"""A headless browser that keeps what goes wrong: errors in the console, and requests that leave this machine.

Needs Playwright for Python and Chromium; `.ci/run browser` installs both.
"""

import contextlib
import functools
import http.server
import shutil
import threading

from playwright.sync_api import sync_playwright

# No word to anybody: without these flags Chromium looks for news of itself.
QUIET = [
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-gpu",
    "--disable-quic",
    "--disable-sync",
    "--no-first-run",
    "--no-sandbox",  # Chromium has none where it runs as root.
]


@contextlib.contextmanager
def chromium():
    """The browser."""
    path = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if not path:
        raise SystemExit("there is no chromium: apt-get install chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=QUIET)
        yield browser
        browser.close()


def page(browser, wrong, **context):
    """A new page; `wrong` is called with a line for everything that goes wrong in it."""
    page = browser.new_context(**context).new_page()

    def request(request):
        if not request.url.startswith(("file:", "data:", "blob:", "http://127.0.0.1:")):
            wrong(f"asks another machine: {request.url}")

    def failed(request):
        # Whoever leaves a page ends what it still asks for.
        if request.failure != "net::ERR_ABORTED":
            wrong(f"did not get {request.url}: {request.failure}")

    page.on("console", lambda message: message.type == "error" and wrong(f"console: {message.text}"))
    page.on("pageerror", lambda error: wrong(f"error: {error}"))
    page.on("request", request)
    page.on("requestfailed", failed)
    return page


@contextlib.contextmanager
def served(folder):
    """The address of a server on this machine that serves the folder."""

    class Handler(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_):
            pass

    handler = functools.partial(Handler, directory=folder)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
