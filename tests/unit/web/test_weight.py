"""What the pages weigh and whom they call: less than 30 KB for the seeker, and nobody but ourselves."""

from __future__ import annotations

import re
from importlib import resources
from pathlib import Path

import pytest

from bot.channels.webchat import new_token
from bot.web.deps import ShownNumber
from bot.web.tongues import tongues
from flows.effects import Button
from handlers.seeker import ViewLine
from tests.unit.web.fakes import make_deps
from tests.unit.web.serving import Page, serving

WEB = Path(str(resources.files("bot.web")))
ELSEWHERE = re.compile(r"https?://|[\"'(`]//[a-z]", re.IGNORECASE)


MOST = 30_000


@pytest.mark.parametrize("language", sorted(tongues()))
async def test_every_page_of_hers_weighs_less_than_30_kb_uncompressed(language: str) -> None:
    """With everything it loads; the talk with its greeting."""
    deps, talk, _ = make_deps(numbers=lambda: tuple(ShownNumber("Ngôi nhà Bình yên", "1900 969 680") for _ in range(6)))
    talk.answer = lambda message: (
        ViewLine(seq=0, who="bot", text="ế" * 250),
        ViewLine(seq=0, who="bot", text="ế" * 450),
        ViewLine(seq=0, who="bot", text="ế" * 60, buttons=tuple(Button("Không chắc lắm", f"abcdef-1.{n}") for n in range(5))),
    )  # fmt: skip
    async with serving(deps) as http:
        loaded = {path: len(await (await http.get(path)).read()) for path in ("/page.js", "/icon.svg")}
        started = {"token": new_token(), "lang": language, "act": "start"}
        pages = {
            "start": await http.post("/", data={"lang": language, "act": "home"}),
            "talk": await http.post("/", data=started),
            "about": await http.post("/about", data={"lang": language}),
        }
        sizes = {name: len(await page.read()) for name, page in pages.items()}
        assert all([f'<html lang="{language}">' in await page.text() for page in pages.values()])
    assert max(sizes.values()) + sum(loaded.values()) < MOST, (sizes, loaded)


@pytest.mark.parametrize("path", sorted(WEB.rglob("templates/**/*.html")), ids=lambda path: path.name)
def test_templates_hold_no_inline_script_or_style_and_no_foreign_address(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    page = Page(text)
    assert not [attrs for attrs in page.all("script") if "src" not in attrs]
    # The seeker's one sheet stands in the page; the content policy takes it by its hash (see test_headers).
    assert text.count("<style") == text.count("<style>{{ css }}</style>") == (path.name == "frame.html")
    for tag, attrs in page.elements:
        assert not [name for name in attrs if name.startswith("on") or name == "style"], tag
        for name in ("src", "href", "action"):
            assert attrs.get(name, "/").startswith(("/", "#", "tel:", "otpauth://totp/", "{{ exit_url }}")), (
                tag,
                attrs,
            )
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
