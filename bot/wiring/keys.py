"""The keys, for commands; and the loop of a running service that keeps them twice."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import structlog

from bot.config import Config
from bot.wiring.opening import installation_of
from handlers import watching
from handlers.health import KeyRisk
from storage import key_care, rotation, second_place
from storage.data_keys import Keys
from storage.installation import Installation
from storage.open import Storage, utc_now
from storage.secrets import load_secrets
from storage.uow import over_sql
from storage.wishes import open_wishes

if TYPE_CHECKING:
    from bot.wiring.service import Service

log = structlog.get_logger()


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


def key_risks_of(config: Config, storage: Storage) -> list[KeyRisk]:
    """What the status page says of the keys; whatever goes wrong in looking is worth saying too. Keys in memory need no care."""
    if not storage.keys.lasting:
        return []
    try:
        return key_care.risks(installation_of(config), storage.keys, utc_now())
    except Exception as error:
        return [KeyRisk(key_care.NOT_LOOKED, f"the keys could not be looked at ({type(error).__name__})")]


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
            now, wishes = await storage.door.read(over_sql(lambda uow: (uow.now, open_wishes(uow))))
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


def change_session_key(config: Config) -> None:
    """A new session key here and in the second place, for the next start of every process."""
    here = installation_of(config)
    here.must_have_begun()
    load_secrets(config.var, needed=True)
    second_place.change_session_key(here.secrets, here.second)


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
