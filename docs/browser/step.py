"""Steps through the pictures of the wire: `python3 docs/browser/step.py BOOK [PAGE...]`, where BOOK is the folder of the built book.

PAGE is a further page with one picture, such as `cargo lab wire --open` writes. One line for each fault; exit status 1 when there is one.
"""

import pathlib
import sys

import browser

PAGE = "stage6.html"  # One page of the book is as good as another: all have the same script.
STATE = """figure => ({
    count: figure.querySelector('output').textContent,
    says: figure.querySelector('.wire-say').textContent,
    curtain: figure.querySelector('.wire-curtain').getBoundingClientRect().top - figure.querySelector('img').getBoundingClientRect().top,
    open: figure.querySelector('.wire-curtain').hidden,
    places: [...figure.querySelectorAll('.wire-who span')].map(place => place.textContent),
    terminals: [...figure.querySelectorAll('samp')].map(terminal => terminal.textContent),
})"""


class Faults:
    def __init__(self):
        self.found, self.where = [], ""

    def add(self, what):
        self.found.append(f"{self.where}: {what}")

    def expect(self, holds, what):
        if not holds:
            self.add(what)


def step_through(page, faults):
    """Forward to the end and back, with keys, buttons and slider."""
    address = page.url
    figure = page.locator(".wire").first
    figure.locator(".wire-open").click()
    figure.locator(".wire-panel").wait_for()
    state = lambda: figure.evaluate(STATE)
    total = int(state()["count"].split("/")[1])
    faults.expect(total > 5, f"there are {total} steps only")
    faults.expect(state()["count"].startswith("0 "), "it does not begin at the begin")
    faults.expect(figure.locator(".wire-say").get_attribute("aria-live") == "polite", "nobody is told what is said")

    seen = [state()]
    for number in range(1, total + 1):
        page.keyboard.press("ArrowRight")
        now = state()
        faults.expect(now["count"] == f"{number} / {total}", f"step {number} is {now['count']}")
        faults.expect(now["says"].strip().endswith("."), f"step {number} says {now['says']!r}")
        faults.expect(now["open"] or now["curtain"] >= seen[-1]["curtain"] - 0.5, f"at step {number} the curtain falls")
        faults.expect(now["places"], f"at step {number} nobody is anywhere")
        seen.append(now)
    faults.expect(seen[-1]["open"], "at the end the picture is not uncovered")
    faults.expect(any(text for text in seen[-1]["terminals"]), "the terminals show nothing at the end")
    page.keyboard.press("ArrowRight")
    faults.expect(state()["count"] == f"{total} / {total}", "it goes beyond its end")
    for number in reversed(range(total)):
        page.keyboard.press("ArrowLeft")
        now, before = state(), seen[number]
        same = all(now[key] == before[key] for key in ("count", "says", "places", "terminals"))
        faults.expect(same, f"step {number} is another one on the way back")
    page.keyboard.press("ArrowLeft")
    faults.expect(page.url == address, "the keys have turned the page")
    page.keyboard.press("End")
    faults.expect(state()["open"], "End does not lead to the end")
    page.keyboard.press("Home")
    faults.expect(state()["count"].startswith("0 "), "Home does not lead to the begin")

    # The buttons, and the order in which Tab reaches them.
    figure.locator("button[aria-label='One step on']").click()
    order = []
    for _ in range(4):
        order.append(page.evaluate("document.activeElement.ariaLabel ?? document.activeElement.textContent"))
        page.keyboard.press("Tab")
    faults.expect(order[:3] == ["One step on", "Step", "Show all"], f"Tab reaches {order}")
    figure.locator("input[type=range]").focus()
    page.keyboard.press("ArrowRight")
    faults.expect(state()["count"].startswith("2 "), f"the slider leads to {state()['count']}")
    figure.locator("button[aria-label='One step back']").click()
    faults.expect(state()["count"].startswith("1 "), "the button does not lead back")
    figure.get_by_text("Show all").click()
    faults.expect(page.evaluate("document.activeElement.className") == "wire-open", "the focus is lost")
    faults.expect(figure.locator(".wire-curtain").count() == 0, "the curtain stays")


def main():
    if len(sys.argv) < 2:
        sys.exit("usage: step.py BOOK [PAGE...]")
    folder = pathlib.Path(sys.argv[1]).resolve()
    faults = Faults()
    with browser.chromium() as chromium, browser.served(folder) as address:
        urls = [(folder / PAGE).as_uri(), f"{address}/{PAGE}"]
        urls += [pathlib.Path(page).resolve().as_uri() for page in sys.argv[2:]]
        for number, url in enumerate(urls):
            for size, width in (("wide", 1280), ("narrow", 390))[: 1 if number else 2]:
                faults.where = f"{url}, {size}"
                page = browser.page(chromium, faults.add, viewport={"width": width, "height": 800})
                page.goto(url)
                step_through(page, faults)
                wide = page.evaluate("document.documentElement.scrollWidth > innerWidth + 1")
                faults.expect(not wide, "the whole page scrolls sideways")
                page.context.close()
        # The picture has the colours of the book's theme, whatever the system prefers.
        faults.where = "themes"
        page = browser.page(chromium, faults.add, color_scheme="light")
        page.goto(urls[0])
        for theme in ("light", "navy"):
            page.evaluate("theme => { document.documentElement.className = theme }", theme)
            scheme = page.locator(".wire img").first.evaluate("image => getComputedStyle(image).colorScheme")
            faults.expect(("dark" in scheme) == (theme == "navy"), f"the picture is {scheme} in {theme}")
        # Without the script the picture stands alone.
        faults.where = "without JavaScript"
        page = browser.page(chromium, faults.add, java_script_enabled=False)
        page.goto(urls[0])
        faults.expect(page.locator("img[src*='wires/']").first.bounding_box()["width"] > 300, "there is no picture")
        faults.expect(page.locator(".wire-open").count() == 0, "there is a button")
    for fault in faults.found:
        print(fault)
    print(f"{len(urls)} pages stepped through, {len(faults.found)} faults")
    sys.exit(1 if faults.found else 0)


main()
