"""The mistakes a message can be lost by, made on purpose: with each of them the checker must turn red, or it proves nothing.

Only the test launcher imports this; the product has no switch for any of it.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import structlog

from bot import wiring
from bot.channels import telegram
from bot.workers import auditor
from bot.workers.inbox import InboxWorker
from bot.workers.outbox import OutboxWorker
from bot.workers.timers import TimersWorker
from handlers import failpoints, watching
from handlers.delivery import Report, record
from handlers.inbound import Inbound
from handlers.model import InboundMessage, InboxState, Outcome, SendJob
from handlers.operation import operation
from handlers.ports import SendResult

log = structlog.get_logger()


def make(name: str) -> None:
    """Make one mistake by name in this process; "" makes none. `later:SECONDS` only moves the clock; `hurried` behind the name of
    a mistake makes the auditor look ten times as often.
    """
    kind, _, value = name.partition(":")
    if value == "hurried":
        _hurried_auditor()
    if kind == "later":
        _later(timedelta(seconds=float(value)))
    elif kind:
        _MISTAKES[kind]()


def _later(by: timedelta) -> None:
    """The program's clock is ahead by this much: what is due later is due now."""
    opened = wiring.open_service

    def open_later(config: Any, **given: Any) -> Any:
        return opened(config, **{**given, "clock": lambda: datetime.now(UTC) + by})

    import bot.serve

    bot.serve.open_service = open_later  # type: ignore[assignment]


def _hurried_auditor() -> None:
    """For short runs: what takes half a minute takes a few seconds."""
    auditor.NO_BEAT_FOR = auditor.NO_BEAT_FOR / 10
    times = auditor.Auditor.__init__.__kwdefaults__
    times["look_every_s"], times["settles_s"] = times["look_every_s"] / 10, times["settles_s"] / 10
    watching.QUESTIONS = tuple(replace(one, limit=one.limit / 10) for one in watching.QUESTIONS)  # type: ignore[misc]


def _no_ticker() -> None:
    """Nobody looks at timers any more."""

    async def run(self: Any) -> None:
        await asyncio.Event().wait()

    TimersWorker.run = run  # type: ignore[method-assign]


def _idle_ticker() -> None:
    """Whoever looks at timers gives signs of life and does nothing."""

    async def step(self: Any) -> bool:
        return False

    TimersWorker._step = step  # type: ignore[method-assign]


def _acknowledge_first() -> None:
    """Confirm to the platform, then store."""
    taken = telegram.TelegramChannel._take_all

    async def take_all(self: Any, updates: Sequence[dict[str, Any]], receive: Any) -> None:
        if updates:
            await self.api.updates(max(raw["update_id"] for raw in updates) + 1, 0)
        await taken(self, updates, receive)

    telegram.TelegramChannel._take_all = take_all  # type: ignore[method-assign]


def _mark_first() -> None:
    """Write down that it was sent, then send."""

    async def send(self: Any, job: SendJob, asked_at: tuple[float, float]) -> None:
        await self._door.run(record, Report(job, SendResult(outcome=Outcome.SENT)))
        failpoints.passing("send.claimed")
        await self._hand_over(job)
        self._wakeups.ring("outbox")

    OutboxWorker._send = send  # type: ignore[method-assign]


def _no_dedupe() -> None:
    """Every delivery is a new message."""
    parse = telegram.parse

    def parse_anew(channel: str, raw: object) -> InboundMessage | None:
        message = parse(channel, raw)
        return message and replace(message, message_id=secrets.token_hex(8))

    telegram.parse = parse_anew


def _two_commits() -> None:
    """The message is done in one commit, its effects come in another."""
    handle = Inbound._handle

    @operation("writer")
    def take(uow: Any, uids: Sequence[str]) -> list[Any]:
        rows = uow.inbox.oldest(list(uids))
        for row in rows.values():
            uow.inbox.save(replace(row, state=InboxState.DONE))
        return [rows.get(uid) for uid in uids]

    async def lane(self: Any, uid: str) -> None:
        while (row := await self._door.run(take, uid)) is not None:
            await self._door.run(_effects_of(self._inbound, row), uid)

    def _effects_of(inbound: Inbound, row: Any) -> Callable[..., list[None]]:
        @operation("handle")
        def effects(uow: Any, uids: Sequence[str]) -> list[None]:
            for uid in uids:
                contact = uow.contacts.load([uid])[uid]
                handle(inbound, uow, contact, row, uow.cases.open_of([uid]).get(uid))
            return [None for _ in uids]

        return effects

    InboxWorker._lane = lane  # type: ignore[method-assign]


def _talkative() -> None:
    """The program logs what people write and who they are."""
    handled = Inbound.handle

    def handle(self: Any, uow: Any, uids: Sequence[str]) -> Any:
        for row in uow.inbox.oldest(list(uids)).values():
            log.debug("handled", text=row.message.text)
        return handled(self, uow, uids)

    handle.failpoint = "handle"  # type: ignore[attr-defined]
    Inbound.handle = handle  # type: ignore[method-assign]
    sent = telegram.TelegramChannel.send

    async def send(self: Any, address: Any, outgoing: Any, *more: Any, **given: Any) -> SendResult:
        log.debug("sending", to=address.platform_id, url=f"https://x/bot{self._settings.token}/send")
        return await sent(self, address, outgoing, *more, **given)

    telegram.TelegramChannel.send = send  # type: ignore[method-assign]


_MISTAKES: dict[str, Callable[[], None]] = {
    "acknowledge-first": _acknowledge_first,
    "mark-first": _mark_first,
    "no-dedupe": _no_dedupe,
    "two-commits": _two_commits,
    "talkative": _talkative,
    "no-ticker": _no_ticker,
    "idle-ticker": _idle_ticker,
}
NAMES = tuple(_MISTAKES)
