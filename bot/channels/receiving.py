"""What all platforms share on the way in: reading a body, comparing secrets, and storing so that nobody is lost or held up."""

from __future__ import annotations

import asyncio
import hmac
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import replace

import structlog
from aiohttp import web

from handlers import failpoints
from handlers.errors import StorageUnavailable
from handlers.model import InboundMessage, MessageKind
from handlers.ports import Receive

log = structlog.get_logger()

MAX_BODY_BYTES = 128 * 1024
"""Telegram: a longest message (4 096 letters, escaped) that answers to another longest one, with formatting, has some 75 KB."""

TRIES = 3  # of storing a message that breaks something of ours, before it is stored as "something we could not read"
REMEMBERED = 10_000  # failing messages whose tries are counted
KEPT_BACK = 1000  # messages kept in memory while storage is away, for platforms that promise no second delivery
TRY_AGAIN_S = 0.5
PAUSE_AFTER_ERROR_S = (0.5, 1.0, 2.0, 5.0, 10.0)  # of polling, by how often it has failed in a row
SELDOM_S = 60.0


class Seldom:
    """Says in the log what anybody on the internet can make us say: at once, then at most once a minute, with the count."""

    def __init__(self) -> None:
        """Nothing has been said yet."""
        self._said_at, self._count = -SELDOM_S, 0

    def warn(self, event: str, **about: object) -> None:
        """One more time."""
        self._count += 1
        now = time.monotonic()
        if now - self._said_at >= SELDOM_S:
            log.warning(event, times=self._count, **about)
            self._said_at, self._count = now, 0


async def read_body(request: web.Request, most: int) -> bytes | None:
    """The whole body, however slowly it comes; None when it is longer than `most` bytes."""
    if (request.content_length or 0) > most:
        return None
    body = bytearray()
    async for part in request.content.iter_any():
        body += part
        if len(body) > most:
            return None
    return bytes(body)


def same(given: str, wanted: str) -> bool:
    """Are the two secrets equal? In constant time; an empty one equals nothing."""
    return bool(wanted) and hmac.compare_digest(given.encode("utf-8", "replace"), wanted.encode())


class Storing:
    """Hands messages to the inbox. One that breaks something of ours again and again must not hold up everybody behind it:
    the third time it is stored as something we could not read, so that she is answered.
    """

    def __init__(self, channel: str) -> None:
        """`channel` is the name for the log."""
        self._channel = channel
        self._failures: dict[str, int] = {}  # message id -> how often storing it broke something of ours

    async def store_all(self, messages: Sequence[InboundMessage], receive: Receive) -> None:
        """Store a batch in one commit, in the platform's order; one by one when one of them breaks something."""
        failpoints.passing("accept.verified")
        if not messages:
            return
        try:
            await receive(*messages)
        except StorageUnavailable:
            raise
        except Exception as error:
            log.error("channel.batch_failed", channel=self._channel, error=type(error).__name__)
            for message in messages:
                await self._store(message, receive)

    async def store(self, message: InboundMessage, receive: Receive) -> None:
        """Store one message; raises when it is not stored, so that the platform brings it again."""
        failpoints.passing("accept.verified")
        await self._store(message, receive)

    async def _store(self, message: InboundMessage, receive: Receive) -> None:
        try:
            await receive(message)
        except StorageUnavailable:
            raise
        except Exception as error:
            tried = self._failures.get(message.message_id, 0) + 1
            log.error("channel.store_failed", channel=self._channel, error=type(error).__name__, tried=tried)
            if tried < TRIES:
                if len(self._failures) < REMEMBERED:
                    self._failures[message.message_id] = tried
                raise
            await receive(replace(message, kind=MessageKind.UNSUPPORTED, text="", choice="", point=None))
        self._failures.pop(message.message_id, None)


class KeepingBack:
    """For platforms that may not bring again what was answered with an error: what cannot be stored is kept in memory as well,
    and stored as soon as that is possible. The platform still hears "not stored"; should it bring the message again, the
    inbox knows it. While anything is kept back, what comes later queues behind it: nothing overtakes.
    """

    def __init__(self, storing: Storing, channel: str) -> None:
        """`storing` does the storing."""
        self._storing, self._channel = storing, channel
        self._waiting: deque[InboundMessage] = deque()
        self._task: asyncio.Task[None] | None = None

    async def store(self, message: InboundMessage, receive: Receive) -> bool:
        """True once it is durably stored; False when it is only kept back (or not even that: too many wait)."""
        if self._waiting:
            self._keep(message, receive)
            return False
        try:
            await self._storing.store(message, receive)
        except Exception as error:
            log.error("channel.not_stored", channel=self._channel, error=type(error).__name__)
            self._keep(message, receive)
            return False
        return True

    def _keep(self, message: InboundMessage, receive: Receive) -> None:
        known = any(message.message_id == one.message_id for one in self._waiting)
        if not known and len(self._waiting) < KEPT_BACK:
            self._waiting.append(message)
        if self._task is None or self._task.done():
            self._task = asyncio.get_running_loop().create_task(self._drain(receive))

    async def _drain(self, receive: Receive) -> None:
        while self._waiting:
            await asyncio.sleep(TRY_AGAIN_S)
            try:
                await self._storing.store(self._waiting[0], receive)
            except Exception as error:
                log.error("channel.still_not_stored", channel=self._channel, error=type(error).__name__)
                continue
            self._waiting.popleft()

    def close(self) -> None:
        """Stop trying."""
        if self._task is not None:
            self._task.cancel()
