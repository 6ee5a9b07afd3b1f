"""A door, wake-ups and a little talk, so that the seeker page is tested alone and fast."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from bot.web.deps import DeskHelp, ShownNumber, WebDeps
from bot.web.hub import Hub
from flows.effects import Button
from handlers.desk import Desk
from handlers.errors import StorageUnavailable
from handlers.model import Address, InboundMessage, MessageKind
from handlers.seeker import SeekerView, ViewLine, ViewRequest
from handlers.staffing import Staffing

NUMBERS = (
    ShownNumber("Công an", "113"),
    ShownNumber("Cấp cứu", "115"),
    ShownNumber("Bảo vệ trẻ em", "111"),
)
QUESTION = ViewLine(
    seq=0,
    who="bot",
    text="Bạn có an toàn để nhắn tin lúc này không?",
    buttons=(Button("Có", "7.0"), Button("Không", "7.1")),
)


class FakeWakeups:
    """Rings inside one event loop."""

    def __init__(self) -> None:
        self._events: defaultdict[str, asyncio.Event] = defaultdict(asyncio.Event)

    def ring(self, *names: str) -> None:
        for name in names:
            self._events[name].set()

    async def wait(self, name: str, timeout_s: float = 1.0) -> bool:
        try:
            async with asyncio.timeout(timeout_s):
                await self._events[name].wait()
        except TimeoutError:
            return False
        self._events[name].clear()
        return True


@dataclass
class FakeDoor:
    """Answers each kind of request from a table; `uow` is what reads see."""

    answers: dict[type, Callable[[Any], Any]] = field(default_factory=dict)
    uow: Any = None
    down: bool = False
    asked: list[Any] = field(default_factory=list)

    async def run(self, operation: Any, item: Any) -> Any:
        if self.down:
            raise StorageUnavailable
        self.asked.append(item)
        return self.answers[type(item)](item)

    async def read(self, query: Callable[[Any], Any]) -> Any:
        if self.down:
            raise StorageUnavailable
        return query(self.uow)


class NoSettings:
    """What the readiness check looks at."""

    def get_setting(self, name: str) -> str | None:
        return None


class Talk:
    """A tiny hotline for the seeker page: takes every message once and answers it with `answer`."""

    def __init__(self, wakeups: FakeWakeups) -> None:
        self.wakeups = wakeups
        self.got: list[InboundMessage] = []
        self.lines: defaultdict[Address, list[ViewLine]] = defaultdict(list)
        self.left: list[Address] = []
        self.human = False
        self.over = False
        self.waiting = False
        self.language = ""
        self.down = False
        self.answer: Callable[[InboundMessage], tuple[ViewLine, ...]] = lambda message: (QUESTION,)

    async def receive(self, message: InboundMessage) -> None:
        if self.down:
            raise StorageUnavailable
        if any(known.message_id == message.message_id for known in self.got):
            return
        self.got.append(message)
        if message.kind is not MessageKind.START:
            self.add(message.address, ViewLine(seq=0, who="me", text=message.text or message.choice or "📍"))
        for line in self.answer(message):
            self.add(message.address, line)

    def add(self, address: Address, line: ViewLine) -> None:
        lines = self.lines[address]
        lines.append(replace(line, seq=len(lines) + 1))
        self.wakeups.ring("seeker")

    def view(self, request: ViewRequest) -> SeekerView:
        if self.down:
            raise StorageUnavailable
        lines = self.lines.get(request.address, [])
        return SeekerView(
            lines=tuple(line for line in lines if line.seq > request.after_seq),
            last_seq=len(lines),
            human=self.human,
            over=self.over,
            waiting=self.waiting,
            language=self.language,
        )

    async def leave(self, address: Address) -> None:
        self.left.append(address)
        self.lines.pop(address, None)


def make_deps(**changes: Any) -> tuple[WebDeps, Talk, FakeDoor]:
    """Page dependencies over the fakes, with short waits."""
    wakeups = FakeWakeups()
    talk = Talk(wakeups)
    door = FakeDoor(answers={ViewRequest: talk.view}, uow=NoSettings())
    values: dict[str, Any] = {
        "door": door,
        "wakeups": wakeups,
        "receive": talk.receive,
        "desk": object.__new__(Desk),
        "help": object.__new__(DeskHelp),
        "staffing": Staffing(lambda uow, uid: None),
        "hub": Hub(wakeups),
        "leave": talk.leave,
        "page_key": bytes(range(32)),
        "numbers": lambda: NUMBERS,
        "poll_s": 0.3,
        "after_post_s": 0.3,
        "look_s": 0.05,
    }
    return WebDeps(**(values | changes)), talk, door
