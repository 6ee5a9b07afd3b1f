"""What all platforms share on the way out: parts sent once each, and one way of asking that never raises and never tells."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

import aiohttp

from handlers.model import Outcome
from handlers.ports import SendResult

SEND_TIMEOUT_S = 8.0  # below the outbox's limit, so that a slow answer is ours to judge
MAX_ANSWER_BYTES = 1_000_000
REMEMBERED = 10_000  # messages of several parts under way

P = TypeVar("P")


class Progress:
    """How many parts of a message have arrived, so that a try after a failure goes on behind them. In memory: after a crash
    the first parts may come twice, which is better than never.
    """

    def __init__(self) -> None:
        """Nothing is under way."""
        self._arrived: dict[str, tuple[int, tuple[str, ...]]] = {}

    async def send(self, key: str, parts: Sequence[P], send_one: Callable[[P], Awaitable[SendResult]]) -> SendResult:
        """Send the parts in order until one does not arrive; the result tells of the whole message."""
        done, handles = self._arrived.get(key, (0, ()))
        for part in parts[done:]:
            result = await send_one(part)
            if result.outcome is not Outcome.SENT:
                return result
            done, handles = done + 1, (*handles, *result.handles)
            if key and done < len(parts):
                self._note(key, done, handles)
        self._arrived.pop(key, None)
        return SendResult(outcome=Outcome.SENT, handles=handles)

    def _note(self, key: str, done: int, handles: tuple[str, ...]) -> None:
        if key not in self._arrived and len(self._arrived) >= REMEMBERED:
            del self._arrived[next(iter(self._arrived))]
        self._arrived[key] = (done, handles)


@dataclass(frozen=True, slots=True)
class Answer:
    """What a platform answered. `error` is the class of a failure to get an answer at all, never its text."""

    status: int = 0
    body: Mapping[str, Any] = field(default_factory=dict, repr=False)  # empty when it was no JSON object
    content: bytes = field(default=b"", repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    error: str = ""

    @property
    def ambiguous(self) -> bool:
        """Was the request perhaps carried out, although nothing usable came back?"""
        return bool(self.error) or self.status >= 500 or not self.body


class Caller:
    """One platform's HTTP side. Nothing of a failure but its class leaves it: its text holds the URL, which may hold a token."""

    def __init__(self, *, proxy: str = "", timeout_s: float = SEND_TIMEOUT_S) -> None:
        """`proxy` is an http address, or empty."""
        self._proxy, self._timeout_s = proxy or None, timeout_s
        self._session: aiohttp.ClientSession | None = None

    async def ask(
        self, method: str, url: str, *, timeout_s: float = 0.0, most: int = MAX_ANSWER_BYTES, **sent: Any
    ) -> Answer:
        """Ask; whatever happens is an Answer. `sent` as aiohttp takes it (json, data, headers, params)."""
        try:
            async with asyncio.timeout(timeout_s or self._timeout_s):
                return await self._ask(method, url, most, sent)
        except asyncio.CancelledError:
            raise
        except Exception as error:
            return Answer(error=type(error).__name__)

    async def _ask(self, method: str, url: str, most: int, sent: dict[str, Any]) -> Answer:
        if self._session is None or self._session.closed:
            self._session = aiohttp.ClientSession(auto_decompress=True, cookie_jar=aiohttp.DummyCookieJar())
        async with self._session.request(method, url, proxy=self._proxy, allow_redirects=False, **sent) as response:
            content = await _limited(response, most)
            answer = Answer(
                response.status, content=content, headers={k.lower(): v for k, v in response.headers.items()}
            )
            if len(content) > most:
                return replace(answer, content=b"", error="TooLong")
        try:
            body = json.loads(content)
        except (ValueError, RecursionError):
            return answer
        return replace(answer, body=body) if isinstance(body, dict) else answer

    async def close(self) -> None:
        """Give back connections."""
        if self._session is not None:
            await self._session.close()


async def _limited(response: aiohttp.ClientResponse, most: int) -> bytes:
    content = bytearray()
    async for piece in response.content.iter_any():
        content += piece
        if len(content) > most:
            break
    return bytes(content)
