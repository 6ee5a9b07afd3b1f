"""Those who watch: how the service stands, and the auditor, beside the others or for itself."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

from aiohttp import web

from bot import shipped
from bot.alarm import Alarm
from bot.channels.webchat import WebChat
from bot.config import Config, ConfigError, ZaloOaConfig
from bot.looking import Channels, Looking
from bot.metrics import Metrics
from bot.web.health import State, health_app
from bot.wiring.keys import key_risks_of
from bot.wiring.opening import storage_of
from bot.workers.auditor import Auditor
from bot.workers.pulse import Pulse
from handlers.duty import ByRoster, Duty, EverybodyByRole
from handlers.publishing import is_newer
from storage.open import Storage
from storage.secrets import newest_key_at


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


def looking_of(config: Config, storage: Storage, duty: Duty, pulse: Pulse | None) -> Looking:
    """How the service stands; `pulse`: of the process that does everything, otherwise the database has the signs of life."""
    polling = {one.name: not isinstance(one, ZaloOaConfig) and one.mode == "polling" for one in config.channels}
    channels = Channels(
        polling=tuple(name for name, polls in polling.items() if polls),
        webhook=tuple(name for name, polls in polling.items() if not polls),
        page=(WebChat().name,),
    )
    silent_here = pulse.silent if pulse is not None and not storage.shared else None
    return Looking(
        storage.door,
        duty,
        channels,
        silent_here=silent_here,
        key_since=lambda: newest_key_at(config.var / "secrets"),
        key_risks=partial(key_risks_of, config, storage),
        is_newer=lambda uow: is_newer(uow, shipped.version(config.content)),
    )


def auditor_of(config: Config, storage: Storage, pulse: Pulse | None) -> Auditor:
    """Beside the loops of one process (`pulse`), or for itself: then signs of life in the database count."""
    living = pulse.living if pulse is not None and not storage.shared else None
    gap_ahead = duty_of(config).gap_ahead
    return Auditor(storage.door, Alarm(*config.auditor.read()), storage.presence, living=living, gap_ahead=gap_ahead)


@asynccontextmanager
async def open_auditor(config: Config) -> AsyncIterator[tuple[Auditor, web.Application, State]]:
    """An auditor of its own over the database of the others, and the little application that says that it lives."""
    storage, state = storage_of(config), State()
    metrics = Metrics(ready=lambda: state.ready)
    look = looking_of(config, storage, duty_of(config), None).standing
    try:
        app = health_app(storage.door, state, metrics, look, config.metrics.read())
        yield auditor_of(config, storage, None), app, state
    finally:
        await storage.close()
