"""`serve`: hold the lock, open everything this process's role needs, say where to look, run until told to stop."""

from __future__ import annotations

import asyncio
import errno
import os
import signal
import socket
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web

from bot import shipped
from bot.config import Config
from bot.roles import NeedsPostgres, Role
from bot.running import CannotListen, run_service
from bot.supervised import tell, telling
from bot.web.runner import Runner
from bot.wiring import Service, hold_lock, key_warnings_of, open_auditor, open_service
from handlers import model
from handlers.ports import UnitOfWork
from handlers.publishing import is_newer

NOBODY = (
    "  staff        nobody can answer yet, and every seeker hears so; add somebody with\n"
    "               python -m bot staff add NAME --alias ALIAS --role counsellor"
)
NEWER = (
    "  content      this program brings content that was never published here; what runs stays as it is until somebody looks\n"
    "               at the difference and publishes it: python -m bot flows publish"
)
COLLECT = (10_000, 20, 20)
"""How often the collector looks: after 10,000 new values instead of 700. A batch of turns makes thousands that are gone when it
is answered, and nearly none in circles.
"""
STOPPED = "Bình An has stopped; nothing that was accepted is lost."


async def serve(config: Config, *, demo: bool, role: Role = Role.ALL, listen: bool = True) -> None:
    """Run until SIGTERM or Ctrl-C; both finish what is under way. `listen` False: a process without pages answers nobody.

    NeedsPostgres for a share of the work on an embedded database.
    """
    if role is not Role.ALL and not config.database.shared:
        raise NeedsPostgres(f"--role {role.value}")
    host, port = config.address
    listens = listen or role.serves_pages
    with hold_lock(config):
        if listens:
            _try_address(host, port)
        if role is Role.AUDITOR:
            await _audit(config, host, port if listens else None)
            return
        async with open_service(config, demo=demo, role=role) as service:
            ready = asyncio.Event()
            announcing = asyncio.create_task(_announce(service, ready, await _warnings(service)))
            try:
                async with telling(ready):
                    await _until_told(run_service(service, host, port if listens else None, ready))
            finally:
                announcing.cancel()


async def _until_told(work: Coroutine[Any, Any, None]) -> None:
    """Run until SIGTERM or Ctrl-C, then let it finish what it has in hand."""
    running = asyncio.create_task(work)
    loop = asyncio.get_running_loop()

    def stop() -> None:
        tell("STOPPING=1")
        running.cancel()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop)
    try:
        await running
    except asyncio.CancelledError:
        print(STOPPED, flush=True)


async def _audit(config: Config, host: str, port: int | None) -> None:
    async with open_auditor(config) as (auditor, app, state), _health(app, host, port):
        state.ready = True
        print("Bình An is being watched.", flush=True)
        if config.auditor.alarm_url is None:
            print(
                "  alarms       only lines in this log; set auditor.alarm_url, so that they reach somebody", flush=True
            )
        ready = asyncio.Event()
        ready.set()
        async with telling(ready):
            await _until_told(auditor.run())


@asynccontextmanager
async def _health(app: web.Application, host: str, port: int | None) -> AsyncIterator[None]:
    runner = Runner(app)
    await runner.setup()
    try:
        if port is not None:
            await web.TCPSite(runner, host, port).start()
        yield
    finally:
        await runner.cleanup()


def _try_address(host: str, port: int) -> None:
    """Refuse a taken address before anything is made: passwords of a first start that fails would never be shown."""
    try:
        socket.create_server((host, port)).close()
    except OSError as error:
        if error.errno == errno.EADDRINUSE:  # every other trouble is said where the listening begins
            raise CannotListen(f"{host}:{port}, {os.strerror(error.errno)}") from None
    except OverflowError:
        raise CannotListen(f"{host}:{port}, ports end at 65535") from None


async def _announce(service: Service, ready: asyncio.Event, warned: list[str]) -> None:
    await ready.wait()
    host, _ = service.config.address
    shown = "127.0.0.1" if host in ("0.0.0.0", "") else host  # noqa: S104 (compared, not bound)
    share = "" if service.role is Role.ALL else f" ({service.role.value})"
    lines = [f"Bình An is running{share}."]
    if service.role.serves_pages:
        lines += [
            f"  seeker page  http://{shown}:{service.port}/",
            f"  desk page    http://{shown}:{service.port}/desk",
            "  terminal     python -m bot chat",
        ]
    lines += [f"  channel      {name}" for name in service.channels if name != "web"]
    if service.storage.shared and not service.config.redis.url:
        lines.append("  redis        none: other processes hear of a message up to a second later; see redis.url")
    if service.auditor is not None and service.config.auditor.alarm_url is not None:
        lines.append("  auditor      inside this process, and gone when it is; --role auditor is one of its own")
    lines += warned
    if service.first_staff:
        lines.append("Staff made at this first start (passwords are shown only now):")
        lines += [f"  {one.role:<11} {one.name:<9} {one.password}" for one in service.first_staff]
    elif not await service.storage.door.read(somebody_can_answer):
        lines.append(NOBODY)
    print("\n".join(lines), flush=True)


async def _warnings(service: Service) -> list[str]:
    """Lines said at every start by those who work: of the keys, and of content that came with an upgrade."""
    if not service.role.works:
        return []
    lines = [f"  keys         warning: {said}" for said in await _key_warnings(service)]
    brought = shipped.version(service.config.content)
    return [*lines, NEWER] if await service.storage.door.read(lambda uow: is_newer(uow, brought)) else lines


async def _key_warnings(service: Service) -> list[str]:
    """Whatever goes wrong in looking stops nobody."""
    try:
        return await asyncio.to_thread(key_warnings_of, service)
    except Exception as error:
        return [f"how the keys are kept could not be looked at ({type(error).__name__}); run: python -m bot keys check"]


def somebody_can_answer(uow: UnitOfWork) -> bool:
    """Is there an enabled counsellor or supervisor at all?"""
    answering = {model.Role.COUNSELLOR, model.Role.SUPERVISOR}
    return any(one.enabled and answering & set(one.roles) for one in uow.staff.all())
