"""`serve`: hold the lock, open everything, say where to look, run until told to stop."""

from __future__ import annotations

import asyncio
import errno
import os
import signal
import socket

from bot.config import Config
from bot.wiring import CannotListen, Service, hold_lock, open_service, run_service
from handlers.model import Role
from handlers.ports import UnitOfWork

NOBODY = (
    "  staff        nobody can answer yet, and every seeker hears so; add somebody with\n"
    "               python -m bot staff add NAME --alias ALIAS --role counsellor"
)


async def serve(config: Config, *, demo: bool) -> None:
    """Run until SIGTERM or Ctrl-C; both finish what is under way."""
    host, port = config.address
    with hold_lock(config.var):
        _try_address(host, port)
        async with open_service(config, demo=demo) as service:
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


def _try_address(host: str, port: int) -> None:
    """Refuse a taken address before anything is made: passwords of a first start that fails would never be shown."""
    try:
        socket.create_server((host, port)).close()
    except OSError as error:
        if error.errno == errno.EADDRINUSE:  # every other trouble is said where the listening begins
            raise CannotListen(f"{host}:{port}, {os.strerror(error.errno)}") from None
    except OverflowError:
        raise CannotListen(f"{host}:{port}, ports end at 65535") from None


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
    elif not await service.storage.door.read(somebody_can_answer):
        lines.append(NOBODY)
    print("\n".join(lines), flush=True)


def somebody_can_answer(uow: UnitOfWork) -> bool:
    """Is there an enabled counsellor or supervisor at all?"""
    return any(one.enabled and {Role.COUNSELLOR, Role.SUPERVISOR} & set(one.roles) for one in uow.staff.all())
