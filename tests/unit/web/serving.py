"""A running application and a browser-like client for page tests."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from html.parser import HTMLParser
from typing import Any

from aiohttp import ClientResponse, DummyCookieJar
from aiohttp.test_utils import TestClient, TestServer

from bot.web.app import build_app
from bot.web.deps import WebDeps

OUR_PAGE = {"Sec-Fetch-Site": "same-origin"}


@asynccontextmanager
async def serving(deps: WebDeps, *, cookies: bool = False) -> AsyncIterator[TestClient[Any, Any]]:
    """The application on a free port of this machine; redirects are not followed by the tests unless they say so."""
    jar: dict[str, Any] = {} if cookies else {"cookie_jar": DummyCookieJar()}
    async with TestClient(TestServer(build_app(deps)), **jar) as client:
        yield client


def somewhere(path: str) -> str:
    """A route's path with its places filled: by what is nowhere, but has the right shape."""
    return re.sub(r"\{[^}]*\}", "X-1", path.replace("{staff}", "0" * 32).replace("{token}", "a" * 26))


async def fields(response: ClientResponse) -> dict[str, str]:
    """The first value of each named field of a page."""
    found = Page(await response.text())
    return found.fields


class Page(HTMLParser):
    """What a browser would make of a page: elements, texts, fields."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.texts: list[str] = []
        self._inside: list[str] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}))

    def handle_data(self, data: str) -> None:
        self.texts.append(data)

    @property
    def text(self) -> str:
        return re.sub(r"[ \n]+", " ", "".join(self.texts))

    @property
    def fields(self) -> dict[str, str]:
        first: dict[str, str] = {}
        for tag, attrs in self.elements:
            if tag in ("input", "textarea") and "name" in attrs:
                first.setdefault(attrs["name"], attrs.get("value", ""))
        return first

    def all(self, tag: str) -> list[dict[str, str]]:
        return [attrs for name, attrs in self.elements if name == tag]
