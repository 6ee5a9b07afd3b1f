"""Templates to responses. Everything is escaped; a missing name is an error, not an empty place."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime, tzinfo
from functools import cache
from importlib import resources

from aiohttp import web
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

SHEET = (resources.files("bot.web") / "static" / "page.css").read_text(encoding="utf-8")
"""The seeker page's style sheet. It stands in the page itself, so that the first bytes that arrive can be seen and used."""


@cache
def environment() -> Environment:
    """The one template environment: autoescape for every file, whatever its name."""
    env = Environment(
        loader=PackageLoader("bot.web", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    env.filters["pieces"] = pieces
    env.globals["css"] = Markup(SHEET)  # noqa: S704 (our own file; the content policy names its hash)
    return env


def page(template: str, *, status: int = 200, **values: object) -> web.Response:
    """A rendered HTML page."""
    return web.Response(
        text=environment().get_template(template).render(**values), status=status, content_type="text/html"
    )


def pieces(text: str, numbers: Iterable[str]) -> list[tuple[str, str]]:
    """Cut a text into (words, number to call): our known numbers can be tapped, everything else stays plain text."""
    known = sorted({re.escape(number) for number in numbers if number}, key=len, reverse=True)
    if not known:
        return [(text, "")]
    cut = re.split(rf"(?<![\d+])({'|'.join(known)})(?!\d)", text)
    return [(part, part if index % 2 else "") for index, part in enumerate(cut) if part]


def local_time(moment: datetime, zone: tzinfo) -> str:
    """HH:MM of an aware time in the hotline's zone."""
    return moment.astimezone(zone).strftime("%H:%M")
