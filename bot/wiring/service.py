"""The running program: `open_service` puts its parts together and gives them as one value."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, time
from functools import partial

import structlog
from aiohttp import web

from bot.channels.pager import Pager
from bot.channels.registry import Parts, build, staff_surfaces, surfaces_of, windows_of
from bot.channels.render import wording
from bot.channels.webchat import WebChat
from bot.config import Config, ConfigError
from bot.first_start import FirstStaff, make_first_staff
from bot.looking import Looking
from bot.metrics import Metrics
from bot.observe import mark_by
from bot.roles import Role
from bot.staff_line import DeskByText
from bot.web.health import State, health_app
from bot.web.hub import Hub
from bot.web.sound import Recordings
from bot.wiring.auditing import auditor_of, duty_of, looking_of
from bot.wiring.opening import storage_of
from bot.wiring.pages import web_app
from bot.workers.auditor import Auditor
from bot.workers.inbox import InboxWorker
from bot.workers.keeping import KeepingWorker
from bot.workers.media import MediaWorker
from bot.workers.outbox import OutboxWorker
from bot.workers.pulse import Pulse
from bot.workers.timers import CHECK_WAITS_EVERY_S, CHECK_WAITS_TOGETHER_S, TimersWorker
from bot.worlds import WorldSource
from handlers import failpoints
from handlers.audit_signing import HeadSigner
from handlers.closing import Closing
from handlers.desk import Desk
from handlers.escalation import Escalations
from handlers.health import CHANNEL
from handlers.housekeeping import Housekeeping
from handlers.inbound import Inbound
from handlers.keeping import Keeping
from handlers.leaving import Leavers
from handlers.model import InboundMessage
from handlers.ports import Channel, Presence, Reach, Surface
from handlers.relaying import Relaying
from handlers.reminders import Reminders
from handlers.staffing import Staffing
from handlers.stays import Ending, Stays
from handlers.unheard import Unheard
from handlers.vaulting import DoorAlarms, DoorCounters, DoorVault
from handlers.world import Worlds
from storage.open import Storage, open_storage

log = structlog.get_logger()


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
    keeping: KeepingWorker
    media: MediaWorker | None
    app: web.Application
    source: WorldSource
    role: Role
    pulse: Pulse
    state: State
    metrics: Metrics
    looking: Looking
    auditor: Auditor | None = None
    first_staff: tuple[FirstStaff, ...] = ()
    port: int = 0  # where it listens, once it does

    async def receive(self, *messages: InboundMessage) -> None:
        """Hop 2: returns only after the messages are durably stored; raises StorageUnavailable otherwise."""
        stored = await self.storage.door.run(self.inbound.accept_together, messages)
        for message, accepted in zip(messages, stored, strict=True):
            self.metrics.accepted(message.address.channel, fresh=accepted.fresh)
            if accepted.fresh and self.role.works:
                self.inbox.nudge(accepted.contact_uid)


@asynccontextmanager
async def open_service(
    config: Config,
    *,
    demo: bool,
    in_memory: bool = False,
    clock: Callable[[], datetime] | None = None,
    role: Role = Role.ALL,
) -> AsyncIterator[Service]:
    """Open storage, publish at the first start, wire the parts. `demo`: no configuration file, so staff are made.

    Nothing runs yet: `run_service` starts the loops. `clock` is the time that storage gives to every decision, None the
    database's own.
    """
    failpoints.arm(os.environ.get("FAILPOINT", ""))
    storage = open_storage("sqlite://", clock=clock) if in_memory else storage_of(config, clock)
    try:
        pulled = frozenset({WebChat().name})
        source = WorldSource(storage.door, config.zone, config.content, pulled=pulled, places=config.places)
        worlds = await source.begin()
        service = _assemble(config, storage, worlds, source, role, clock or _now)
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
    config: Config,
    storage: Storage,
    worlds: Worlds,
    source: WorldSource,
    role: Role,
    clock: Callable[[], datetime],
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
    inbound = Inbound(worlds, escalations, ending, closing, page, keeps_media=config.media.from_seekers)
    desk = Desk(escalations, inbound.released, windows)
    hub, recordings, pulse = Hub(wakeups), Recordings(), Pulse()
    parts = Parts(
        public_url=config.web.public_url,
        vault=DoorVault(door),
        alarms=DoorAlarms(door, _sounded, ways),
        budgets=storage.budgets,
        counters=DoorCounters(door),
        staff=DeskByText(door, desk),
        door=door,
        desk=desk,
        audio=lambda sha256: recordings.get(door, sha256),
        clock=clock,
        wording=wording(worlds),
        beats=lambda name: pulse.beats(f"{CHANNEL}{name}"),
    )
    state = State()
    metrics = Metrics(lambda: len(hub.reachable()), lambda: state.ready)
    mark_by(storage.secrets.session)
    channels = _channels(config, webchat, parts)
    surfaces: dict[str, Surface] = {hub.name: hub, **staff_surfaces(config, channels, parts)}
    outbox = OutboxWorker(
        door,
        wakeups,
        channels,
        surfaces,
        clock,
        reach=partial(_reach, role, hub, storage.presence) if storage.shared else None,
        beats=partial(pulse.beats, "sender"),
        tally=metrics,
    )
    inbox = InboxWorker(
        door, wakeups, inbound, outbox.look, partial(pulse.beats, "lanes"), nudged=role is Role.ALL, tally=metrics
    )
    service = Service(
        config=config,
        storage=storage,
        worlds=worlds,
        inbound=inbound,
        escalations=escalations,
        stays=stays,
        desk=desk,
        staffing=Staffing(escalations.staff_disabled),
        channels=channels,
        surfaces=surfaces,
        inbox=inbox,
        outbox=outbox,
        timers=TimersWorker(
            door,
            wakeups,
            escalations,
            stays,
            inbound,
            Housekeeping(ending, ways),
            Reminders(),
            partial(pulse.beats, "timers"),
            closing=closing,
            unheard=Unheard(ways),
            leavers=Leavers(escalations),
            present=storage.presence.everywhere if storage.shared else hub.reachable,
            relaying=Relaying(ways) if ways.talks else None,
            check_waits_every_s=CHECK_WAITS_TOGETHER_S if storage.shared else CHECK_WAITS_EVERY_S,
        ),
        keeping=KeepingWorker(
            door,
            Keeping(config.keeping.policies, Housekeeping(ending, ways), storage.tidy, storage.secrets.audit),
            HeadSigner(storage.secrets.audit),
            storage.alone,
            at=time.fromisoformat(config.keeping.at),
            zone=config.zone,
            heads=config.keeping.heads,
        ),
        media=MediaWorker(door, wakeups, channels, config.media.max_mb * 1_000_000)
        if config.media.from_seekers
        else None,
        app=web.Application(),
        source=source,
        role=role,
        pulse=pulse,
        state=state,
        metrics=metrics,
        looking=looking_of(config, storage, duty, pulse),
        auditor=auditor_of(config, storage, pulse) if role is Role.ALL else None,
    )
    service.app = (
        web_app(service, webchat, hub)
        if role.serves_pages
        else health_app(door, state, metrics, service.looking.standing, config.metrics.read())
    )
    return service


def _now() -> datetime:
    return datetime.now(UTC)


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


def _reach(role: Role, hub: Hub, presence: Presence) -> Reach:
    """What this process can deliver now; and, on the way, who has a desk page open in it."""
    desks = hub.reachable()
    presence.here(desks)
    return Reach(letters=role.works, desks=desks)
