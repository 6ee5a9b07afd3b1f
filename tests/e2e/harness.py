"""The whole program in one process: real storage on disk, real loops and pages, a fake Telegram, a clock one can move."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp

from bot.channels.webchat import new_token
from bot.config import Config
from bot.running import run_service
from bot.wiring import Service, open_service
from handlers.desk import (
    CaseView,
    Claim,
    Claimed,
    Close,
    OpenCase,
    Queue,
    QueueView,
    ReadMedia,
    Reply,
    SeenMedia,
)
from handlers.model import Disposition, QueueCard
from tests.fakes.telegram import TOKEN, FakeTelegram

WITHIN_S = 10.0  # five-fold slack on what takes a moment


class MovableClock:
    """Real time plus whatever a test has added."""

    def __init__(self) -> None:
        self.ahead = timedelta(0)

    def __call__(self) -> datetime:
        return datetime.now(UTC) + self.ahead

    def move(self, **by: float) -> None:
        self.ahead += timedelta(**by)


@dataclass
class Program:
    """A running service with handles for its three people."""

    service: Service
    clock: MovableClock
    telegram: FakeTelegram
    http: aiohttp.ClientSession

    @property
    def base(self) -> str:
        return f"http://127.0.0.1:{self.service.port}"

    async def wake(self) -> None:
        """After the clock has moved: let every loop look now."""
        self.service.storage.wakeups.ring("inbox", "outbox", "escalations", "desk", "seeker")

    # --- the counsellor ------------------------------------------------------------------------------------------------

    async def staff_uid(self, name: str = "tuvan") -> str:
        staff = await self.service.storage.door.read(lambda uow: uow.staff.by_name(name))
        assert staff is not None
        return staff.uid

    async def queue(self, name: str = "tuvan") -> QueueView:
        return await self.service.storage.door.run(self.service.desk.queue, Queue(staff_uid=await self.staff_uid(name)))

    async def rings(self, count: int = 1) -> QueueCard:
        """Wait until the desk's queue has a card; the first."""
        await eventually(lambda: self._cards(count))
        return (await self.queue()).cards[0]

    async def _cards(self, count: int) -> bool:
        return len((await self.queue()).cards) >= count

    async def claim(self, card: QueueCard, name: str = "tuvan") -> Claimed:
        command = Claim(staff_uid=await self.staff_uid(name), case_code=card.case_code, epoch=card.epoch)
        return await self.service.storage.door.run(self.service.desk.claim, command)

    async def reply(self, code: str, text: str, name: str = "tuvan") -> Any:
        command = Reply(
            staff_uid=await self.staff_uid(name), case_code=code, text=text, client_key=secrets.token_hex(8)
        )
        return await self.service.storage.door.run(self.service.desk.reply, command)

    async def close(self, code: str, name: str = "tuvan") -> None:
        command = Close(staff_uid=await self.staff_uid(name), case_code=code, disposition=Disposition.HELPED)
        await self.service.storage.door.run(self.service.desk.close, command)

    async def open_case(self, code: str, name: str = "tuvan", reason: str = "") -> CaseView:
        command = OpenCase(staff_uid=await self.staff_uid(name), case_code=code, reason=reason)
        return await self.service.storage.door.run(self.service.desk.open_case, command)

    async def read_media(self, code: str, uid: str, name: str = "tuvan") -> SeenMedia:
        command = ReadMedia(staff_uid=await self.staff_uid(name), case_code=code, media_uid=uid)
        return await self.service.storage.door.run(self.service.desk.read_media, command)


@dataclass
class Page:
    """A seeker at the web page (its JSON side)."""

    program: Program
    token: str = field(default_factory=new_token)
    after: int = 0
    lines: list[dict[str, Any]] = field(default_factory=list)

    async def _take(self, path: str, fields: dict[str, str]) -> int:
        sent = {"token": self.token, "after": str(self.after), **fields}
        headers = {"Accept": "application/json"}
        async with self.program.http.post(self.program.base + path, data=sent, headers=headers) as answer:
            if answer.status != 200:
                return answer.status
            seen = await answer.json()
        for line in seen["lines"]:
            if line["seq"] > self.after:
                self.after = line["seq"]
                self.lines.append(line)
        return 200

    async def begin(self) -> None:
        assert await self._take("/", {"act": "start", "mid": secrets.token_urlsafe(12)}) == 200

    async def types(self, text: str, mid: str = "") -> int:
        return await self._take("/", {"text": text, "mid": mid or secrets.token_urlsafe(12)})

    async def presses(self, label: str) -> int:
        for line in reversed(self.lines):
            for button in line["buttons"]:
                if button["label"] == label:
                    return await self._take("/", {"choice": button["data"], "mid": secrets.token_urlsafe(12)})
        raise AssertionError(f"no button {label!r} in {[b['label'] for line in self.lines for b in line['buttons']]}")

    async def looks(self) -> None:
        assert await self._take("/", {"act": "look"}) == 200

    async def sees(self, text: str) -> dict[str, Any]:
        """Wait until a line that is not her own contains `text`."""

        async def there() -> bool:
            if not self._found(text):
                await self.looks()
            return bool(self._found(text))

        await eventually(there, what=f"line with {text!r} among {[line['text'][:40] for line in self.lines]}")
        return self._found(text)[0]

    def _found(self, text: str) -> list[dict[str, Any]]:
        return [line for line in self.lines if text in line["text"] and line["who"] != "me"]


async def eventually(condition: Callable[[], Any], what: str = "it", within_s: float = WITHIN_S) -> None:
    """Wait until the condition (plain or async) holds; AssertionError otherwise."""
    loop = asyncio.get_running_loop()
    until = loop.time() + within_s
    while True:
        result = condition()
        if asyncio.iscoroutine(result):
            result = await result
        if result:
            return
        if loop.time() > until:
            raise AssertionError(f"did not happen within {within_s} s: {what}")
        await asyncio.sleep(0.03)


@asynccontextmanager
async def program(tmp_path: Path, *, telegram: FakeTelegram | None = None, **overrides: Any) -> AsyncIterator[Program]:
    """The service, running on a free port, with demo staff and a fake Telegram it polls."""
    fake = telegram or await FakeTelegram().start()
    token_file = tmp_path / "telegram-token"
    token_file.write_text(TOKEN)
    written = {
        "var": tmp_path / "var",
        "channels": [
            {
                "name": "tg",
                "platform": "telegram",
                "token": f"file:{token_file}",
                "base_url": fake.base_url,
                "poll_timeout_s": 1,
            }
        ],
        **overrides,
    }
    clock = MovableClock()
    try:
        async with open_service(Config.model_validate(written), demo=True, clock=clock) as service:
            ready = asyncio.Event()
            running = asyncio.create_task(run_service(service, "127.0.0.1", 0, ready))
            starting = asyncio.create_task(ready.wait())
            await asyncio.wait([running, starting], return_when=asyncio.FIRST_COMPLETED)
            if running.done():
                running.result()
            async with aiohttp.ClientSession() as http:
                try:
                    yield Program(service, clock, fake, http)
                finally:
                    running.cancel()
                    await asyncio.gather(running, return_exceptions=True)
    finally:
        if telegram is None:
            await fake.stop()
