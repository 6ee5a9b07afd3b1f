"""Puts everything together, once: the only module that knows storage. `open_service` gives the running parts as one value."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import structlog
from aiohttp import web

from bot.channels.pager import Pager
from bot.channels.registry import Hooked, Parts, build, staff_surfaces, surfaces_of, windows_of
from bot.channels.render import wording
from bot.channels.webchat import WebChat
from bot.config import Config, ConfigError
from bot.first_start import FirstStaff, make_first_staff
from bot.shown import emergency_numbers, why_in_words
from bot.staff_line import DeskByText
from bot.web.app import build_app
from bot.web.deps import WebDeps
from bot.web.hub import Hub
from bot.web.sound import Recordings
from bot.workers.inbox import InboxWorker
from bot.workers.outbox import OutboxWorker
from bot.workers.timers import TimersWorker
from bot.worlds import WorldSource
from handlers import failpoints
from handlers.closing import Closing
from handlers.desk import Desk
from handlers.duty import ByRoster, Duty, EverybodyByRole
from handlers.errors import BinhAnError
from handlers.escalation import Escalations
from handlers.housekeeping import Housekeeping
from handlers.inbound import Inbound
from handlers.model import Address, InboundMessage
from handlers.ports import Channel, Door, Surface
from handlers.relaying import Relaying
from handlers.reminders import Reminders
from handlers.seeker import leave
from handlers.staffing import Staffing
from handlers.stays import Ending, Stays
from handlers.vaulting import DoorAlarms, DoorCounters, DoorVault
from handlers.watching import Watching
from handlers.world import Worlds
from storage.backup import Restored, backup, restore
from storage.budgets import LocalBudgets
from storage.checking import check_installation
from storage.lock import ServeLock
from storage.open import Storage, open_storage
from storage.quarantine import lift_quarantine

log = structlog.get_logger()


class CannotListen(BinhAnError):
    """The address to listen on cannot be had; choose another with --listen HOST:PORT."""

    code = "cannot-listen"


class PartEnded(BinhAnError):
    """A part of the service has ended by itself; the service stops, so that it can be started anew as a whole."""

    code = "part-ended"


RESTART_CHANNEL_S = 1.0
STOP_WITHIN_S = 12.0  # a send under way may take 10 s


def utc_now() -> datetime:
    """The process's clock, aware."""
    return datetime.now(UTC)


@dataclass(slots=True)
class Service:
    """The running program: what commands and tests need to get hold of."""

    config: Config
    storage: Storage
    worlds: Worlds
    inbound: Inbound
    escalations: Escalations
    stays: Stays
    desk: Desk
    staffing: Staffing
    channels: dict[str, Channel]
    surfaces: dict[str, Surface]
    inbox: InboxWorker
    outbox: OutboxWorker
    timers: TimersWorker
    app: web.Application
    source: WorldSource
    first_staff: tuple[FirstStaff, ...] = ()
    port: int = 0  # where it listens, once it does

    async def receive(self, *messages: InboundMessage) -> None:
        """Hop 2: returns only after the messages are durably stored; raises StorageUnavailable otherwise."""
        for accepted in await self.storage.door.run(self.inbound.accept_together, messages):
            if accepted.fresh:
                self.inbox.nudge(accepted.contact_uid)


def duty_of(config: Config) -> Duty:
    """The roster of the configuration, or everybody by role without one."""
    if config.roster is None:
        return EverybodyByRole()
    from bot.roster_file import load_roster

    try:
        content = config.roster.read_bytes()
    except OSError as error:
        raise ConfigError(
            [f"roster {config.roster} cannot be read ({error.strerror}); create it, or take `roster` out"]
        ) from None
    return ByRoster(load_roster(str(config.roster), content, config.zone))


def database_of(config: Config) -> str:
    """The SQLite file (or another URL) the data lies in."""
    return config.database.url or f"sqlite:///{config.var / 'data.db'}"


@asynccontextmanager
async def open_service(
    config: Config, *, demo: bool, in_memory: bool = False, clock: Callable[[], datetime] = utc_now
) -> AsyncIterator[Service]:
    """Open storage, publish at the first start, wire the parts. `demo`: no configuration file, so staff are made.

    Nothing runs yet: `run_service` starts the loops. `clock` is the time that storage gives to every decision.
    """
    failpoints.arm(os.environ.get("FAILPOINT", ""))
    url = "sqlite://" if in_memory else database_of(config)
    storage = open_storage(url, None if in_memory else config.var, clock=clock)
    try:
        source = WorldSource(storage.door, config.zone, config.content, frozenset({WebChat().name}))
        worlds = await source.begin()
        service = _assemble(config, storage, worlds, source, clock)
        if demo:
            service.first_staff = await make_first_staff(storage.door, service.staffing)
        try:
            yield service
        finally:
            for channel in service.channels.values():
                await channel.close()
            for surface in service.surfaces.values():
                if isinstance(surface, Pager):
                    await surface.close()
    finally:
        await storage.close()


def _assemble(
    config: Config, storage: Storage, worlds: Worlds, source: WorldSource, clock: Callable[[], datetime]
) -> Service:
    door, wakeups = storage.door, storage.wakeups
    webchat = WebChat()
    windows, ways = windows_of(config), surfaces_of(config)
    duty = duty_of(config)
    ending = Ending(config.zone)
    closing = Closing(windows, worlds, config.zone)
    escalations = Escalations(duty, worlds, ending, ways)
    stays = Stays(duty, worlds, ending, ways)
    page = config.web.public_url if config.web.public_url.startswith("https://") else ""
    inbound = Inbound(worlds, escalations, ending, closing, page)
    desk = Desk(escalations, inbound.released, windows)
    staffing = Staffing(escalations.staff_disabled)
    hub, recordings = Hub(wakeups), Recordings()
    parts = Parts(
        public_url=config.web.public_url,
        vault=DoorVault(door),
        alarms=DoorAlarms(door, _sounded, ways),
        budgets=LocalBudgets(),
        counters=DoorCounters(door),
        staff=DeskByText(door, desk),
        door=door,
        desk=desk,
        audio=lambda sha256: recordings.get(door, sha256),
        clock=clock,
        wording=wording(worlds),
    )
    channels = _channels(config, webchat, parts)
    surfaces: dict[str, Surface] = {hub.name: hub, **staff_surfaces(config, channels, parts)}
    outbox = OutboxWorker(door, wakeups, channels, surfaces, clock)
    inbox = InboxWorker(door, wakeups, inbound, outbox.look)
    housekeeping = Housekeeping(escalations)
    watching = Watching(ways)
    relaying = Relaying(ways) if ways.talks else None
    service = Service(
        config=config,
        storage=storage,
        worlds=worlds,
        inbound=inbound,
        escalations=escalations,
        stays=stays,
        desk=desk,
        staffing=staffing,
        channels=channels,
        surfaces=surfaces,
        inbox=inbox,
        outbox=outbox,
        timers=TimersWorker(
            door, wakeups, escalations, stays, inbound, housekeeping, closing, watching, Reminders(), relaying
        ),
        app=web.Application(),
        source=source,
    )
    service.app = _web_app(service, webchat, hub)
    return service


def _channels(config: Config, webchat: WebChat, parts: Parts) -> dict[str, Channel]:
    """Every configured channel by name, the page among them."""
    channels: dict[str, Channel] = {webchat.name: webchat}
    for written in config.channels:
        if written.name in channels:
            raise ConfigError([f"channels: the name {written.name!r} is taken already; give this one another name"])
        channels[written.name] = build(written, parts)
    return channels


def _sounded(name: str, code: str, wrong: bool) -> None:
    """Every alarm is in the log as well."""
    say = log.error if wrong else log.info
    say("alarm" if wrong else "alarm.over", what=name, code=code)


def _web_app(service: Service, webchat: WebChat, hub: Hub) -> web.Application:
    config, worlds = service.config, service.worlds

    async def left(address: Address) -> None:
        await service.storage.door.run(leave, address)

    app = build_app(
        WebDeps(
            door=service.storage.door,
            wakeups=service.storage.wakeups,
            receive=service.receive,
            desk=service.desk,
            hub=hub,
            page_key=service.storage.secrets.session,
            numbers=lambda: emergency_numbers(worlds),
            leave=left,
            channel=webchat,
            public_url=config.web.public_url,
            exit_url=config.web.exit_url,
            behind_proxy=config.web.behind_proxy,
            zone=config.zone,
            place_name=lambda code: worlds.current.gazetteer.name(code),
            why=lambda place: why_in_words(worlds, place),
            windows=windows_of(config),
        )
    )
    for channel in service.channels.values():
        if isinstance(channel, Hooked) and channel.route:
            app.router.add_post(channel.route, channel.webhook(service.receive))
    return app


async def run_service(service: Service, host: str, port: int, ready: asyncio.Event | None = None) -> None:
    """Serve until cancelled: web, channels and loops. A part that ends by itself ends everything, loudly (PartEnded, or its own
    exception). CannotListen when the address is taken.
    """
    runner = web.AppRunner(service.app, access_log=None, handle_signals=False, shutdown_timeout=1.0)
    await runner.setup()
    tasks: list[asyncio.Task[None]] = []
    polling: list[asyncio.Task[None]] = []
    try:
        service.port = await _listen(runner, host, port)
        parts: dict[str, Coroutine[Any, Any, None]] = {
            "inbox": service.inbox.run(),
            "outbox": service.outbox.run(),
            "timers": service.timers.run(),
            "world": service.source.watch(service.worlds),
        }
        tasks = [asyncio.create_task(part, name=name) for name, part in parts.items()]
        polling = [asyncio.create_task(_keep_receiving(service, channel)) for channel in service.channels.values()]
        if ready is not None:
            ready.set()
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
            raise PartEnded(task.get_name())
    finally:
        # Doors first: nothing new is accepted while the loops finish what they have.
        for task in polling:
            task.cancel()
        await runner.cleanup()
        # The sender last: what the others have in hand when they end still goes out, and is recorded before storage closes.
        senders = [task for task in tasks if task.get_name() == "outbox"]
        others = [task for task in tasks if task not in senders]
        await _end([*polling, *others])
        await _end(senders)


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
    """Receive on one channel until cancelled; whatever happens to it, it is started again, and no other is disturbed."""
    while True:
        try:
            await channel.run(service.receive)
            return
        except Exception as error:
            log.error("channel.failed", channel=channel.name, error=type(error).__name__)
            await asyncio.sleep(RESTART_CHANNEL_S)


def hold_lock(var: Path) -> ServeLock:
    """Keep a second `serve` off the same data (a context manager); BinhAnError in words when one runs already."""
    return ServeLock(var)


# --- the database, for commands ------------------------------------------------------------------------------------------


def data_file(config: Config) -> Path:
    """The SQLite file the data lies in."""
    return Path(database_of(config).removeprefix("sqlite:///"))


@asynccontextmanager
async def open_content(config: Config) -> AsyncIterator[Door]:
    """The door to the database alone: works also when what is published cannot run (so that it can be replaced)."""
    storage = open_storage(database_of(config), config.var)
    try:
        yield storage.door
    finally:
        await storage.close()


def upgrade_database(config: Config) -> None:
    """Bring the database to this program's version; nothing when it is there already."""
    asyncio.run(open_storage(database_of(config), config.var).close())


def check_database(config: Config) -> list[str]:
    """What is wrong with version, keys and audit chain, a line each."""
    return check_installation(config.var, data_file(config))


def backup_database(config: Config, to: Path, *, include_secrets: bool) -> None:
    """Copy data and keys into a new directory, while the service may run."""
    backup(config.var, to, database=data_file(config), include_secrets=include_secrets)


def restore_database(config: Config, source: Path, secrets: Path | None) -> Restored:
    """Put a backup where no data are, in quarantine."""
    return restore(source, config.var, secrets=secrets, database=data_file(config))


def release_quarantine(config: Config) -> bool:
    """End the quarantine after a restore; False when there was none."""

    async def release() -> bool:
        storage = open_storage(database_of(config), config.var)
        try:
            return await storage.door.run(lift_quarantine, "command line")
        finally:
            await storage.close()

    return asyncio.run(release())
