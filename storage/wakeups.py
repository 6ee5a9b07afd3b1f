"""Wake-ups inside one process: who waits for a name is woken after a commit that rang it, from whatever thread."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from handlers.ports import Wakeups

REMEMBERED = 4096


class LocalWakeups:
    """`handlers.ports.Wakeups` within one process. Only hints: whoever waits also looks when its time is up."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: dict[str, list[asyncio.Future[None]]] = {}
        self._missed: dict[str, None] = {}

    def ring(self, *names: str) -> None:
        """Wake everybody who waits for these names; with nobody waiting, the next one who comes."""
        woken: list[asyncio.Future[None]] = []
        with self._lock:
            for name in names:
                waiting = self._waiting.pop(name, None)
                if waiting:
                    woken += waiting
                    continue
                self._missed[name] = None
                if len(self._missed) > REMEMBERED:
                    del self._missed[next(iter(self._missed))]
        here = asyncio._get_running_loop()
        for future in woken:
            if future.get_loop() is here:
                _wake(future)
                continue
            try:
                future.get_loop().call_soon_threadsafe(_wake, future)
            except RuntimeError:
                continue  # its loop is closed: nobody waits there any more

    async def wait(self, name: str, timeout_s: float = 1.0) -> bool:
        """Wait until `name` rings or the time is up; True when it rang."""
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        with self._lock:
            if name in self._missed:
                del self._missed[name]
                return True
            self._waiting.setdefault(name, []).append(future)
        try:
            await asyncio.wait((future,), timeout=timeout_s)
            return future.done()
        finally:
            with self._lock:
                waiting = self._waiting.get(name, [])
                if future in waiting:
                    waiting.remove(future)
                    if not waiting:
                        del self._waiting[name]


def _wake(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)


if TYPE_CHECKING:

    def _are_wakeups(wakeups: LocalWakeups) -> Wakeups:
        return wakeups
