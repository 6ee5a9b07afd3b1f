"""Puts everything together, once: the only module that knows storage. `open_service` gives the running parts as one value."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, time
from functools import partial
from pathlib import Path

import structlog
from aiohttp import web

from bot.alarm import Alarm
from bot.channels.pager import Pager
from bot.channels.registry import Hooked, Parts, build, staff_surfaces, surfaces_of, windows_of
from bot.channels.render import wording
from bot.channels.webchat import WebChat
from bot.config import Config, ConfigError, Secret, ZaloOaConfig
from bot.first_start import FirstStaff, make_first_staff
from bot.looking import Channels, Looking
from bot.metrics import Metrics
from bot.observe import mark_by
from bot.roles import Role
from bot.shown import emergency_numbers, spoken, why_in_words
from bot.staff_line import DeskByText
from bot.web.app import build_app
from bot.web.deps import DeskHelp, WebDeps
from bot.web.health import State, health_app
from bot.web.hub import Hub
from bot.web.policy import ROUTES
from bot.web.sound import Recordings
from bot.workers.auditor import Auditor
from bot.workers.inbox import InboxWorker
from bot.workers.keeping import KeepingWorker
from bot.workers.media import MediaWorker
from bot.workers.outbox import OutboxWorker
from bot.workers.pulse import Pulse
from bot.workers.timers import CHECK_WAITS_EVERY_S, CHECK_WAITS_TOGETHER_S, TimersWorker
from bot.worlds import WorldSource
from handlers import failpoints, watching
from handlers.audit_log import HeadSigner
from handlers.closing import Closing
from handlers.desk import Desk
from handlers.duty import ByRoster, Duty, EverybodyByRole
from handlers.escalation import Escalations
from handlers.handoff import Handoff
from handlers.health import CHANNEL, keep_backup
from handlers.housekeeping import Housekeeping
from handlers.inbound import Inbound
from handlers.keeping import Keeping
from handlers.model import Address, InboundMessage
from handlers.policies import AUDIT, CASES, CONTACTS, days_of
from handlers.ports import Channel, Door, Presence, Reach, Surface
from handlers.referring import Referring
from handlers.relaying import Relaying
from handlers.reminders import Reminders
from handlers.seeker import leave
from handlers.staffing import Staffing
from handlers.stays import Ending, Stays
from handlers.unheard import Unheard
from handlers.vaulting import DoorAlarms, DoorCounters, DoorVault
from handlers.world import Worlds
from storage import key_care, rotation, second_place
from storage.backup import BackedUp, backup
from storage.checking import check_installation
from storage.drill import RPO as RPO  # for the command that says it
from storage.drill import RTO as RTO
from storage.drill import Drilled, drill
from storage.installation import Installation
from storage.key_care import in_words as in_words
from storage.keystore import Keys
from storage.lock import ServeLock
from storage.open import Storage, open_storage, utc_now
from storage.quarantine import lift_quarantine, quarantine_now
from storage.restore import Restored, restore
from storage.secrets import load_secrets, newest_key_at
from storage.wishes import open_wishes

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


def _storage_of(config: Config, clock: Callable[[], datetime] | None = None) -> Storage:
    """The storage of this configuration, opened."""
    return open_storage(
        database_of(config),
        config.var,
        clock=clock,
        password=_read(config.database.password),
        redis_url=config.redis.url,
        redis_password=_read(config.redis.password),
        keys_url=config.database.keys_url,
        keys_password=_read(config.database.keys_password),
    )


def _read(secret: Secret | None) -> str:
    return secret.read() if secret is not None else ""


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
    storage = open_storage("sqlite://", clock=clock) if in_memory else _storage_of(config, clock)
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
            relaying=Relaying(ways) if ways.talks else None,
            check_waits_every_s=CHECK_WAITS_TOGETHER_S if storage.shared else CHECK_WAITS_EVERY_S,
        ),
        keeping=KeepingWorker(
            door,
            Keeping(config.keeping.policies, Housekeeping(ending, ways), storage.tidy),
            HeadSigner(storage.secrets.audit_key),
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
        looking=_looking(config, storage, duty, pulse),
        auditor=_auditor_of(config, storage, pulse) if role is Role.ALL else None,
    )
    service.app = (
        _web_app(service, webchat, hub)
        if role.serves_pages
        else health_app(door, state, metrics, service.looking.standing, config.metrics.read())
    )
    return service


def _looking(config: Config, storage: Storage, duty: Duty, pulse: Pulse | None) -> Looking:
    """How the service stands; `pulse`: of the process that does everything, otherwise the database has the signs of life."""
    polling = {one.name: not isinstance(one, ZaloOaConfig) and one.mode == "polling" for one in config.channels}
    channels = Channels(
        polling=tuple(name for name, polls in polling.items() if polls),
        webhook=tuple(name for name, polls in polling.items() if not polls),
        page=(WebChat().name,),
    )
    silent_here = pulse.silent if pulse is not None and not storage.shared else None
    return Looking(
        storage.door, duty, channels, silent_here=silent_here, key_since=lambda: newest_key_at(config.var / "secrets")
    )


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


def _auditor_of(config: Config, storage: Storage, pulse: Pulse | None) -> Auditor:
    """Beside the loops of one process (`pulse`), or for itself: then signs of life in the database count."""
    living = pulse.living if pulse is not None and not storage.shared else None
    return Auditor(storage.door, Alarm(*config.auditor.read()), storage.presence, living=living)


@asynccontextmanager
async def open_auditor(config: Config) -> AsyncIterator[tuple[Auditor, web.Application, State]]:
    """An auditor of its own over the database of the others, and the little application that says that it lives."""
    storage, state = _storage_of(config), State()
    metrics = Metrics(ready=lambda: state.ready)
    look = _looking(config, storage, duty_of(config), None).standing
    try:
        app = health_app(storage.door, state, metrics, look, config.metrics.read())
        yield _auditor_of(config, storage, None), app, state
    finally:
        await storage.close()


def _web_app(service: Service, webchat: WebChat, hub: Hub) -> web.Application:
    config, worlds = service.config, service.worlds

    referring = Referring(service.desk, worlds)

    async def left(address: Address) -> None:
        await service.storage.door.run(leave, address)

    app = build_app(
        WebDeps(
            door=service.storage.door,
            wakeups=service.storage.wakeups,
            receive=service.receive,
            desk=service.desk,
            help=DeskHelp(
                referring=referring,
                handoff=Handoff(referring, worlds),
                directory=lambda: worlds.current.directory,
                gazetteer=lambda: worlds.current.gazetteer,
            ),
            hub=hub,
            page_key=service.storage.secrets.session,
            numbers=lambda: emergency_numbers(worlds),
            leave=left,
            channel=webchat,
            public_url=config.web.public_url,
            exit_url=config.web.exit_url,
            kept_days=days_of(config.keeping.policies, CONTACTS),
            ledger_days=max(days_of(config.keeping.policies, kind) for kind in (AUDIT, CASES)),
            behind_proxy=config.web.behind_proxy,
            zone=config.zone,
            place_name=lambda code: worlds.current.gazetteer.name(code),
            why=lambda place: why_in_words(worlds, place),
            second_factor_for=frozenset(config.staff.require_second_factor),
            staffing=service.staffing,
            windows=windows_of(config),
            operator=config.operator.name,
            contact=config.operator.contact,
            base_language=lambda: worlds.current.library.manifest.language,
            spoken=lambda code: spoken(worlds, code),
            look=service.looking.standing,
            metrics=service.metrics,
            metrics_token=config.metrics.read(),
        ),
        service.state,
    )
    for channel in service.channels.values():
        if isinstance(channel, Hooked) and channel.route:
            app[ROUTES].add_signed("POST", channel.route, channel.webhook(service.receive))
    return app


def hold_lock(config: Config) -> ServeLock:
    """Keep a second `serve` off the same data (a context manager); BinhAnError in words when one runs already. Where several may
    work side by side it only keeps a restore away.
    """
    return ServeLock(config.var, shared=config.database.shared)


# --- the database, for commands ------------------------------------------------------------------------------------------


def installation_of(config: Config) -> Installation:
    """Where data, keys and secrets of this configuration lie."""
    return Installation(
        config.var,
        config.database.url,
        _read(config.database.password),
        config.database.keys_url,
        _read(config.database.keys_password),
        config.keys_second,
    )


def _postgres_of(config: Config) -> tuple[str, str]:
    """Address and password."""
    return config.database.url, _read(config.database.password)


def data_file(config: Config) -> Path:
    """The SQLite file the data lies in."""
    return Path(database_of(config).removeprefix("sqlite:///"))


@asynccontextmanager
async def open_content(config: Config) -> AsyncIterator[Door]:
    """The door to the database alone: works also when what is published cannot run (so that it can be replaced)."""
    storage = _storage_of(config)
    try:
        yield storage.door
    finally:
        await storage.close()


def upgrade_database(config: Config) -> None:
    """Bring the database to this program's version; nothing when it is there already."""
    if config.database.shared:
        from storage.postgres.open import upgrade_postgres

        upgrade_postgres(*_postgres_of(config))
    asyncio.run(_storage_of(config).close())


def check_database(config: Config) -> list[str]:
    """What is wrong with version, keys and audit chain, a line each."""
    if config.database.shared:
        from storage.postgres.checking import check_postgres

        keys = (config.database.keys_url, _read(config.database.keys_password))
        return check_postgres(_postgres_of(config), keys, config.var)
    return check_installation(config.var, data_file(config))


@dataclass(frozen=True, slots=True)
class Records:
    """What commands need that look after what is kept: the door, the daily run, and what signs the audit log's head."""

    door: Door
    keeping: Keeping
    signer: HeadSigner


@asynccontextmanager
async def open_records(config: Config) -> AsyncIterator[Records]:
    """The database and its keys, without flows and channels; works beside a running service."""
    storage = _storage_of(config)
    try:
        keeping = Keeping(config.keeping.policies, Housekeeping(Ending(config.zone), surfaces_of(config)), storage.tidy)
        yield Records(storage.door, keeping, HeadSigner(storage.secrets.audit_key))
    finally:
        await storage.close()


def backup_database(config: Config, to: Path, *, include_secrets: bool) -> BackedUp:
    """Copy data and keys into a new directory (keys into their second place), while the service may run."""
    done = backup(installation_of(config), to, include_secrets=include_secrets)
    note_backup(config)
    return done


def note_backup(config: Config) -> None:
    """A whole backup has just been made: an operator sees on the status page when nobody makes them any more."""

    async def note() -> None:
        storage = _storage_of(config)
        try:
            await storage.door.run(keep_backup, utc_now())
        finally:
            await storage.close()

    asyncio.run(note())


def restore_database(config: Config, source: Path, secrets: Path | None, keys: Path | None) -> Restored:
    """Put a backup where no data are, in quarantine."""
    return restore(source, installation_of(config), secrets=secrets, keys=keys)


def drill_restore(config: Config, source: Path, secrets: Path | None, keys: Path | None, into: str) -> Drilled:
    """Rehearse a restore in an empty place."""
    return drill(source, installation_of(config), secrets=secrets, keys=keys, into=into)


def begin_quarantine(config: Config) -> tuple[int, int]:
    """Hold what is on its way to seekers and finish erasures the keys know of; how many of each."""

    async def begin() -> tuple[int, int]:
        storage = _storage_of(config)
        try:
            return await storage.door.run(quarantine_now, storage.keys)
        finally:
            await storage.close()

    return asyncio.run(begin())


def release_quarantine(config: Config) -> bool:
    """End the quarantine after a restore; False when there was none."""

    async def release() -> bool:
        storage = _storage_of(config)
        try:
            return await storage.door.run(lift_quarantine, "command line")
        finally:
            await storage.close()

    return asyncio.run(release())


# --- the keys, for commands ----------------------------------------------------------------------------------------------


@contextmanager
def _opened_keys(config: Config) -> Iterator[tuple[Installation, Keys]]:
    here = installation_of(config)
    here.must_have_begun()
    with closing(here.open_keys(load_secrets(config.var, needed=True), utc_now)) as keys:
        yield here, keys


def show_keys(config: Config) -> key_care.KeysShown:
    """Ids, counts and times."""
    with _opened_keys(config) as (here, keys):
        return key_care.show(here, keys)


def check_keys(config: Config) -> list[str]:
    """What does not open or has no key, a line each."""
    here = installation_of(config)
    here.must_have_begun()
    return key_care.check(here, utc_now())


def key_warnings_of(service: Service) -> list[str]:
    """The same of a service that runs; keys in memory need no care."""
    return key_care.warnings(installation_of(service.config), service.storage.keys, utc_now())


def key_warnings(config: Config) -> list[str]:
    """What may make the keys get lost, a sentence each."""
    with _opened_keys(config) as (here, keys):
        return key_care.warnings(here, keys, utc_now())


async def keep_keys_twice(service: Service) -> None:
    """Until cancelled: bring the second place of the keys up to date, and leave a sign of it for the auditor. A disk that is away
    is said in the log, and comes back by itself.
    """
    storage, here = service.storage, installation_of(service.config)
    assert here.second is not None
    while True:
        try:
            now, wishes = await storage.door.read(lambda uow: (uow.now, open_wishes(uow)))  # type: ignore[arg-type]
            done = await asyncio.to_thread(second_place.copy_keys, here.secrets, storage.keys, here.second, now)
            await asyncio.to_thread(second_place.note_wishes, here.second, wishes)
            await storage.door.run(watching.keys_copied, None)
            if done.fresh or done.secrets:
                log.info("keys.copied", keys=done.keys, secrets=len(done.secrets))
        except Exception as error:
            log.error("keys.not_copied", error=type(error).__name__)
        await asyncio.sleep(second_place.EVERY.total_seconds())


def rotate_keys(config: Config) -> rotation.Rotated:
    """Let a new key-encryption key wrap every data key, while the service may run; the second place gets it first."""
    with _opened_keys(config) as (here, keys):
        if here.second is not None:
            second_place.copy_keys(here.secrets, keys, here.second, utc_now())  # a disk that is away stops it here
            rotation.prepare(here.secrets, keys)
            second_place.copy_keys(here.secrets, keys, here.second, utc_now())
        done = rotation.rotate(here.secrets, keys)
        if here.second is not None:
            second_place.copy_keys(here.secrets, keys, here.second, utc_now())
        return done


def prepare_kek(config: Config) -> str:
    """Make the next key-encryption key without using it."""
    with _opened_keys(config) as (here, keys):
        return rotation.prepare(here.secrets, keys)


def retire_keks(config: Config) -> tuple[list[str], dict[str, datetime]]:
    """Take old key-encryption keys away, here and in the second place."""
    with _opened_keys(config) as (here, keys):
        gone, waiting = rotation.retire(here.secrets, keys, utc_now())
        if here.second is not None:
            second_place.retire_there(here.second, gone)
        return gone, waiting


def copy_keys(config: Config, to: Path | None) -> second_place.Copied:
    """Bring the second place (or another folder) up to date."""
    with _opened_keys(config) as (here, keys):
        return second_place.copy_keys(here.secrets, keys, _second_of(here, to), utc_now(), begin=True)


def verify_key_copy(config: Config, where: Path | None) -> list[str]:
    """What the second place alone would not give back, a line each."""
    with _opened_keys(config) as (here, keys):
        return second_place.verify(here.secrets, keys, _second_of(here, where), utc_now())


def _second_of(here: Installation, given: Path | None) -> Path:
    second = given or here.second
    if second is None:
        raise second_place.NoSecondPlace
    return second
