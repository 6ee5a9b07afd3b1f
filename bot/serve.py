"""`serve`: hold the lock, open everything, say where to look, run until told to stop."""

from __future__ import annotations

import asyncio
import signal

from bot.config import Config
from bot.wiring import Service, hold_lock, open_service, run_service


async def serve(config: Config, *, demo: bool) -> None:
    """Run until SIGTERM or Ctrl-C; both finish what is under way."""
    with hold_lock(config.var):
        async with open_service(config, demo=demo) as service:
            host, port = config.address
            ready = asyncio.Event()
            running = asyncio.create_task(run_service(service, host, port, ready))
            loop = asyncio.get_running_loop()
            for number in (signal.SIGTERM, signal.SIGINT):
                loop.add_signal_handler(number, running.cancel)
            announcing = asyncio.create_task(_announce(service, ready))
            try:
                await running
            except asyncio.CancelledError:
                print("Bình An has stopped; nothing that was accepted is lost.", flush=True)
            finally:
                announcing.cancel()


async def _announce(service: Service, ready: asyncio.Event) -> None:
    await ready.wait()
    host, _ = service.config.address
    shown = "127.0.0.1" if host in ("0.0.0.0", "") else host  # noqa: S104 (compared, not bound)
    lines = [
        "Bình An is running.",
        f"  seeker page  http://{shown}:{service.port}/",
        f"  desk page    http://{shown}:{service.port}/desk",
        "  terminal     python -m bot chat",
        *(f"  channel      {name}" for name in service.channels if name != "web"),
    ]
    if service.first_staff:
        lines.append("Staff made at this first start (passwords are shown only now):")
        lines += [f"  {one.role:<11} {one.name:<9} {one.password}" for one in service.first_staff]
    print("\n".join(lines), flush=True)
