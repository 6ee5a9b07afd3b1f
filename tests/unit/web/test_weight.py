"""What the pages weigh and whom they call: less than 30 KB for the seeker, and nobody but ourselves."""

from __future__ import annotations

import re
from importlib import resources
from pathlib import Path

import pytest

from tests.unit.web.fakes import make_deps
from tests.unit.web.serving import Page, serving

WEB = Path(str(resources.files("bot.web")))
ELSEWHERE = re.compile(r"https?://|[\"'(`]//[a-z]", re.IGNORECASE)


async def test_the_seeker_page_weighs_less_than_30_kb_uncompressed() -> None:
    deps, _, _ = make_deps()
    async with serving(deps) as http:
        sizes = {path: len(await (await http.get(path)).read()) for path in ("/", "/page.css", "/page.js", "/icon.svg")}
    assert sum(sizes.values()) < 30_000, sizes


@pytest.mark.parametrize("path", sorted(WEB.rglob("templates/**/*.html")), ids=lambda path: path.name)
def test_templates_hold_no_inline_script_or_style_and_no_foreign_address(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    page = Page(text)
    assert not [attrs for attrs in page.all("script") if "src" not in attrs]
    assert not page.all("style")
    for tag, attrs in page.elements:
        assert not [name for name in attrs if name.startswith("on") or name == "style"], tag
        for name in ("src", "href", "action"):
            assert attrs.get(name, "/").startswith(("/", "#", "tel:", "{{ exit_url }}")), (tag, attrs)
    assert "|safe" not in text.replace(" ", "")


@pytest.mark.parametrize("path", sorted(WEB.glob("static/*")), ids=lambda path: path.name)
def test_scripts_and_styles_reach_nobody_else_and_never_make_html_of_text(path: Path) -> None:
    text = path.read_text(encoding="utf-8").replace('xmlns="http://www.w3.org/2000/svg"', "")
    text = re.sub(r"(?m)^\s*//.*$| // .*$", "", text)
    assert not ELSEWHERE.search(text)
    for word in (
        "innerHTML",
        "outerHTML",
        "insertAdjacentHTML",
        "document.write",
        "eval(",
        "Function(",
        "localStorage",
        "cookie",
    ):
        assert word not in text, word


def test_the_seeker_script_stores_nothing() -> None:
    text = (WEB / "static/page.js").read_text(encoding="utf-8")
    for word in ("localStorage", "sessionStorage", "indexedDB", "document.cookie", "serviceWorker", "caches."):
        assert word not in text
