"""What the browser tests look at: complaints of the browser, requests, names, contrast, sizes."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Route

from tests.unit.web.desk_fakes import PASSWORD

PHONE = {"width": 360, "height": 740}
EXIT = "https://weather.example.org/**"


class Visitors:
    """Opens pages and remembers everything a browser has to complain about and whom it has called."""

    def __init__(self, browser: Browser) -> None:
        self._browser = browser
        self._contexts: list[BrowserContext] = []
        self.complaints: list[str] = []
        self.requests: list[str] = []
        self.expected: tuple[str, ...] = ()  # parts of complaints a test provokes itself

    def page(self, url: str = "", **options: Any) -> Page:
        """A fresh browser profile on a phone."""
        context = self._browser.new_context(viewport=PHONE, locale="vi-VN", **options)
        context.set_default_timeout(15_000)
        self._contexts.append(context)
        context.on("request", lambda request: self.requests.append(request.url))
        context.on("console", self._heard)
        context.on("weberror", lambda error: self.complaints.append(str(error.error)))
        context.route(EXIT, weather)
        page = context.new_page()
        if url:
            page.goto(url)
        return page

    def counsellor(self, url: str, name: str = "tuvan", **options: Any) -> Page:
        """Somebody signed in at the desk."""
        page = self.page(url + "/desk", **options)
        page.fill("#name", name)
        page.fill("#password", PASSWORD)
        page.click("button.main")
        page.wait_for_selector("#cards", state="attached")
        page.wait_for_load_state("load")
        return page

    def _heard(self, said: ConsoleMessage) -> None:
        if said.type in ("error", "warning"):
            self.complaints.append(f"{said.text} {said.location.get('url')}")

    def close(self) -> None:
        """Close every browser window. Safe to repeat."""
        while self._contexts:
            self._contexts.pop().close()

    def leave(self) -> None:
        """Close, and say what was complained about."""
        self.close()
        left = [one for one in self.complaints if not any(part in one for part in self.expected)]
        if left:
            raise AssertionError("\n".join(left))


def becomes_true(page: Page, expression: str) -> None:
    """Wait until an expression holds (the page's own policy forbids to let it wait by itself)."""
    for _ in range(300):
        if page.evaluate(expression):
            return
        page.wait_for_timeout(50)
    raise AssertionError(expression)


def weather(route: Route) -> None:
    route.fulfill(status=200, content_type="text/html", body="<title>Weather</title>sunny")


CANARY = """
() => {
  window.canaries = [];
  window.canary = () => window.canaries.push("ran");
  addEventListener("securitypolicyviolation", (event) => window.canaries.push(event.violatedDirective));
}
"""

CONTRAST = """
() => {
  const parse = (text) => {
    const numbers = text.match(/[\\d.]+/g).map(Number);
    return { rgb: numbers.slice(0, 3), a: numbers.length > 3 ? numbers[3] : 1 };
  };
  const light = (rgb) => {
    const [r, g, b] = rgb.map((v) => (v /= 255) <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const ground = (node) => {
    for (; node; node = node.parentElement) {
      const found = parse(getComputedStyle(node).backgroundColor);
      if (found.a === 1) return found.rgb;
    }
    return [255, 255, 255];
  };
  const poor = [];
  for (const node of document.querySelectorAll("body *")) {
    const own = [...node.childNodes].some((child) => child.nodeType === 3 && child.data.trim());
    if (!own || !node.checkVisibility()) continue;
    const style = getComputedStyle(node);
    const a = light(parse(style.color).rgb), b = light(ground(node));
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (ratio < 4.5) poor.push(node.tagName + "." + node.className + " " + ratio.toFixed(2));
  }
  return poor;
}
"""

NAMELESS = """
() => [...document.querySelectorAll("a, button, input:not([type=hidden]), textarea, select, summary")]
  .filter((node) => node.checkVisibility())
  .filter((node) => !(node.labels && node.labels.length) && !node.getAttribute("aria-label") && !node.textContent.trim())
  .map((node) => node.outerHTML)
"""

SMALL = """
() => [...document.querySelectorAll("a, button, input:not([type=hidden]), textarea, summary, label.pick")]
  .filter((node) => node.checkVisibility() && !node.closest("p, label.pick *"))
  .filter((node) => !(node.tagName === "INPUT" && node.closest("label.pick")))
  .map((node) => [node.outerHTML.slice(0, 80), node.getBoundingClientRect()])
  .filter(([, box]) => box.height < 44 || box.width < 44).map(([html]) => html)
"""

IDS = """
() => [...document.querySelectorAll("[id]")].map((node) => node.id).filter((id, at, all) => all.indexOf(id) !== at)
"""


ORPHANS = """
() => [...document.querySelectorAll("li")]
  .filter((node) => !["UL", "OL"].includes(node.parentNode.tagName) || node.parentNode.hasAttribute("role"))
  .map((node) => node.outerHTML.slice(0, 80))
"""


AXE = {
    "resultTypes": ["violations"],
    "runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
}


UNSTICK = """
() => { window.stuck = [...document.querySelectorAll("body *")].filter((node) => getComputedStyle(node).position === "sticky");
  for (const bar of window.stuck) bar.style.position = "static"; }
"""
STICK = "() => { for (const bar of window.stuck) bar.style.position = ''; }"


def axe_findings(page: Page) -> list[str]:
    """What axe has to say against the page as it stands."""
    # Where the system's own colours are forced, axe reads a text's colour as written, which is not the one that is shown.
    forced = page.evaluate("matchMedia('(forced-colors: active)').matches")
    options = AXE | {"rules": {"color-contrast": {"enabled": not forced}}}
    # A target that has just scrolled halfway under the bar would count as too small.
    page.evaluate(UNSTICK)
    found = Axe().run(page, options=options).response["violations"]
    page.evaluate(STICK)
    return [
        f"{one['id']} ({one['impact']}): {one['help']}: {[node['html'][:120] for node in one['nodes'][:3]]}"
        for one in found
    ]


def assert_usable(page: Page, language: str = "vi") -> None:
    """What a program can see of WCAG 2.2 AA: axe, and names, contrast, targets, language, reflow, one heading tree."""
    page.wait_for_load_state("load")  # the style sheet too: elements can be there before it is
    against = axe_findings(page)
    assert against == [], against
    assert page.evaluate(NAMELESS) == []
    poor = page.evaluate(CONTRAST)
    assert poor == [], poor
    assert page.evaluate(SMALL) == []
    assert page.evaluate(IDS) == []
    assert page.evaluate(ORPHANS) == []
    assert page.evaluate("document.documentElement.lang") == language
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    levels = page.evaluate("[...document.querySelectorAll('h1,h2,h3')].map((h) => Number(h.tagName[1]))")
    assert levels[:1] == [1]
    assert all(later - earlier <= 1 for earlier, later in pairwise(levels))
    assert page.evaluate("document.querySelectorAll('main').length") == 1
