"""The desk pages that are open now: who can be reached at once, and whom to tell that something changed."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta

from bot.web.bell import ringing
from flows.severity import Severity
from handlers.model import Outcome, SendJob
from handlers.ports import SendResult, Wakeups

RETRY_AFTER = timedelta(seconds=1)
HANDED_OVER_S = 2.0


@dataclass(eq=False)
class Notice:
    """A page on its way to one open desk page; `written` is set once it has left for the browser."""

    case_code: str
    severity: Severity
    written: asyncio.Event = field(default_factory=asyncio.Event)


class Stream:
    """One open desk page: what it must be told next."""

    def __init__(self) -> None:
        """Has something to do at once: the first look."""
        self._wake = asyncio.Event()
        self._wake.set()
        self._notices: list[Notice] = []

    def look(self) -> None:
        """Something may have changed."""
        self._wake.set()

    def tell(self, notice: Notice) -> None:
        """A page for this staff member."""
        self._notices.append(notice)
        self._wake.set()

    async def woken(self, timeout_s: float) -> None:
        """Wait until there is something to do or the time is up."""
        with suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                await self._wake.wait()
        self._wake.clear()

    def take(self) -> list[Notice]:
        """The pages not yet told, oldest first; they are taken off the list."""
        notices, self._notices = self._notices, []
        return notices


class Hub:
    """The staff surface `desk` (a `handlers.ports.Surface`), and the listener behind every open desk page."""

    name = "desk"

    def __init__(self, wakeups: Wakeups) -> None:
        """Listens to the wake-up `desk` inside `listening`."""
        self._wakeups = wakeups
        self._streams: defaultdict[str, set[Stream]] = defaultdict(set)

    def reachable(self) -> frozenset[str]:
        """Uids of the staff with an open desk page."""
        return frozenset(uid for uid, streams in self._streams.items() if streams)

    async def page(self, job: SendJob) -> SendResult:
        """SENT once at least one open page of this staff member has been written to; else RETRY after 1 s."""
        streams = list(self._streams.get(job.row.staff_uid or "", ()))
        notices = []
        for stream in streams:
            notice = Notice(job.case_code, job.severity)
            stream.tell(notice)
            notices.append(asyncio.ensure_future(notice.written.wait()))
        if notices:
            done, waiting = await asyncio.wait(notices, timeout=HANDED_OVER_S, return_when=asyncio.FIRST_COMPLETED)
            for task in waiting:
                task.cancel()
            if done:
                return SendResult(outcome=Outcome.SENT)
        return SendResult(outcome=Outcome.RETRY, retry_after=RETRY_AFTER, error_class="NoOpenPage")

    @contextmanager
    def open_page(self, staff_uid: str) -> Iterator[Stream]:
        """A staff member's page is open for as long as this context lasts."""
        stream = Stream()
        self._streams[staff_uid].add(stream)
        try:
            yield stream
        finally:
            self._streams[staff_uid].discard(stream)
            if not self._streams[staff_uid]:
                del self._streams[staff_uid]

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[None]:
        """Pass on rings for as long as this context lasts."""
        async with ringing(self._wakeups, "desk", self._look):
            yield

    def _look(self) -> None:
        for streams in list(self._streams.values()):
            for stream in list(streams):
                stream.look()
