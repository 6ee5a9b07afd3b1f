"""Runs the parts of one process until it is told to stop, and stops them in order: readiness, doors, loops, the sender last."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import structlog
from aiohttp import web

from handlers.errors import BinhAnError

if TYPE_CHECKING:
    from bot.wiring import Service
    from handlers.ports import Channel

log = structlog.get_logger()

RESTART_CHANNEL_S = 1.0
FORGET_KEYS_EVERY_S = 15.0
STOP_WITHIN_S = 12.0  # a send under way may take 10 s


class CannotListen(BinhAnError):
    """The address to listen on cannot be had; choose another with --listen HOST:PORT."""

    code = "cannot-listen"


class PartEnded(BinhAnError):
    """A part of the service has ended by itself; the service stops, so that it can be started anew as a whole."""

    code = "part-ended"


async def run_service(service: Service, host: str, port: int | None, ready: asyncio.Event | None = None) -> None:
    """Serve until cancelled: web, channels and loops, as far as they are this process's (`port` None: nothing listens).

    A part that ends by itself ends everything, loudly (PartEnded, or its own exception). CannotListen when the address is taken.
    """
    runner = web.AppRunner(service.app, access_log=None, handle_signals=False, shutdown_timeout=1.0)
    await runner.setup()
    tasks: list[asyncio.Task[None]] = []
    polling: list[asyncio.Task[None]] = []
    try:
        if port is not None:
            service.port = await _listen(runner, host, port)
        tasks = [asyncio.create_task(part, name=name) for name, part in _parts(service).items()]
        if service.role.works:
            polling = [asyncio.create_task(_keep_receiving(service, channel)) for channel in service.channels.values()]
        service.state.ready = True
        if ready is not None:
            ready.set()
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
            raise PartEnded(task.get_name())
    finally:
        # Readiness first: whoever spreads the traffic looks elsewhere while we still answer.
        service.state.ready = False
        await _drain(service)
        # Then the doors: nothing new is accepted while the loops finish what they have.
        for task in polling:
            task.cancel()
        await runner.cleanup()
        # The sender last: what the others have in hand when they end still goes out, and is recorded before storage closes.
        senders = [task for task in tasks if task.get_name() == "outbox"]
        others = [task for task in tasks if task not in senders]
        await _end([*polling, *others])
        await _end(senders)


def _parts(service: Service) -> dict[str, Coroutine[Any, Any, None]]:
    """The loops of this process, by name."""
    parts: dict[str, Coroutine[Any, Any, None]] = {
        "outbox": service.outbox.run(),  # also where only pages to open desks are sent
        "world": service.source.watch(service.worlds),
    }
    if service.role.works:
        parts |= {"inbox": service.inbox.run(), "timers": service.timers.run()}
        if service.media is not None:
            parts["media"] = _alone(service, "media", service.media.run)
        if service.storage.shared:
            parts["pulse"] = service.pulse.tell(service.storage.door)
    if service.storage.shared:
        parts["keys"] = _forget_keys(service)
    if service.auditor is not None:
        parts["auditor"] = service.auditor.run()
    return parts


async def _alone(service: Service, name: str, run: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """A loop that runs in one process of all."""
    await service.storage.alone(name, run)


async def _forget_keys(service: Service) -> None:
    """What another process has erased must not stay readable in the memory of this one."""
    while True:
        await asyncio.sleep(FORGET_KEYS_EVERY_S)
        try:
            await asyncio.to_thread(service.storage.keys.forget_destroyed)
        except Exception as error:
            log.error("keys.not_forgotten", error=type(error).__name__)


async def _drain(service: Service) -> None:
    """Go on answering for as long as it takes to be noticed. A second cancellation ends it at once."""
    if service.role.serves_pages and service.config.web.drain_s and service.port:
        log.info("service.draining", seconds=service.config.web.drain_s)
        with suppress(asyncio.CancelledError):
            await asyncio.sleep(service.config.web.drain_s)


async def _end(tasks: list[asyncio.Task[None]]) -> None:
    """Cancel, and wait until they have finished what they have in hand."""
    for task in tasks:
        task.cancel()
    if tasks:
        await asyncio.wait(tasks, timeout=STOP_WITHIN_S)


async def _listen(runner: web.AppRunner, host: str, port: int) -> int:
    """The port it listens on."""
    try:
        await web.TCPSite(runner, host, port).start()
    except OSError as error:
        raise CannotListen(f"{host}:{port}, {os.strerror(error.errno) if error.errno else 'no such host'}") from None
    except OverflowError:
        raise CannotListen(f"{host}:{port}, ports end at 65535") from None
    listening: int = runner.addresses[0][1]
    return listening


async def _keep_receiving(service: Service, channel: Channel) -> None:
    """Receive on one channel until cancelled, in one process of all: a platform gives its updates to one who asks."""

    async def receive() -> None:
        """Whatever happens to the channel, it is started again, and no other is disturbed."""
        while True:
            try:
                await channel.run(service.receive)
                return
            except Exception as error:
                log.error("channel.failed", channel=channel.name, error=type(error).__name__)
                await asyncio.sleep(RESTART_CHANNEL_S)

    await service.storage.alone(f"receive:{channel.name}", receive)
