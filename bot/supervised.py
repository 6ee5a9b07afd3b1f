"""What this process tells the service manager that started it (systemd's notify protocol): ready, alive, stopping.

"Alive" comes from the event loop itself, so that a loop that hangs is noticed and the process started anew. Without
`NOTIFY_SOCKET` in the environment (a terminal, a container) nothing is told to anybody.
"""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

WITHIN_S = 0.5  # a manager that starts everything at once may be behind with reading


def tell(state: str) -> None:
    """Send `state`, for example "READY=1", to the manager; nothing when there is none or it does not listen."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address.startswith(("/", "@")):
        return
    if address.startswith("@"):  # an abstract socket: its name begins with a zero byte
        address = "\0" + address[1:]
    with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as there:
        there.settimeout(WITHIN_S)
        there.sendto(state.encode(), address)


def alive_every_s() -> float | None:
    """How often the manager wants a sign of life, three times as often as it looks; None when it wants none of us."""
    if os.environ.get("WATCHDOG_PID", str(os.getpid())) != str(os.getpid()):
        return None
    wanted = os.environ.get("WATCHDOG_USEC", "")
    return int(wanted) / 3_000_000 if wanted.isdigit() and int(wanted) else None


async def keep_telling(ready: asyncio.Event) -> None:
    """Say that we are ready once we are, and then that we live, until cancelled."""
    await ready.wait()
    tell("READY=1")
    every_s = alive_every_s()
    while every_s is not None:
        tell("WATCHDOG=1")
        await asyncio.sleep(every_s)


@asynccontextmanager
async def telling(ready: asyncio.Event) -> AsyncIterator[None]:
    """`keep_telling` beside what is done in here, and no longer."""
    task = asyncio.create_task(keep_telling(ready))
    try:
        yield
    finally:
        task.cancel()
