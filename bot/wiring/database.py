"""The database, for commands: upgrade, check, records, backup, restore, quarantine."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from bot.channels.registry import surfaces_of
from bot.config import Config
from bot.wiring.opening import database_of, installation_of, read_secret, storage_of
from handlers import audit
from handlers.audit_signing import HeadSigner
from handlers.command_line import COMMAND_LINE, note
from handlers.health import keep_backup
from handlers.housekeeping import Housekeeping
from handlers.keeping import Keeping
from handlers.model import AuditEntry
from handlers.ports import Door
from handlers.stays import Ending
from storage.backup import BackedUp, backup
from storage.checking import check_installation
from storage.drill import Drilled as Drilled
from storage.drill import drill
from storage.open import utc_now
from storage.quarantine import lift_quarantine, quarantine_now
from storage.restore import Restored, restore


def _postgres_of(config: Config) -> tuple[str, str]:
    """Address and password."""
    return config.database.url, read_secret(config.database.password)


def data_file(config: Config) -> Path:
    """The SQLite file the data lies in."""
    return Path(database_of(config).removeprefix("sqlite:///"))


@asynccontextmanager
async def open_content(config: Config) -> AsyncIterator[Door]:
    """The door to the database alone: works also when what is published cannot run (so that it can be replaced)."""
    storage = storage_of(config)
    try:
        yield storage.door
    finally:
        await storage.close()


def upgrade_database(config: Config) -> None:
    """Bring the database to this program's version; nothing when it is there already."""
    if config.database.shared:
        from storage.postgres.open import upgrade_postgres

        upgrade_postgres(*_postgres_of(config))
    asyncio.run(storage_of(config).close())


def check_database(config: Config) -> list[str]:
    """What is wrong with version, keys and audit chain, a line each."""
    if config.database.shared:
        from storage.postgres.checking import check_postgres

        keys = (config.database.keys_url, read_secret(config.database.keys_password))
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
    storage = storage_of(config)
    try:
        housekeeping = Housekeeping(Ending(config.zone), surfaces_of(config))
        keeping = Keeping(config.keeping.policies, housekeeping, storage.tidy, storage.secrets.audit)
        yield Records(storage.door, keeping, HeadSigner(storage.secrets.audit))
    finally:
        await storage.close()


def backup_database(
    config: Config, to: Path, *, include_secrets: bool, by: str = COMMAND_LINE
) -> tuple[BackedUp, bool]:
    """Copy data and keys into a new directory (keys into their second place), while the service may run; and whether that could
    be noted for the status page and in the audit log. `by`: the actor of that row.
    """
    done = backup(installation_of(config), to, include_secrets=include_secrets)
    detail = {"rows": done.rows, "keys": done.keys, "secrets": include_secrets}
    return done, note_backup(config, AuditEntry(actor=by, action=audit.BACKED_UP, detail=dict(detail)))


def note_backup(config: Config, entry: AuditEntry) -> bool:
    """A whole backup has just been made: an operator sees on the status page when nobody makes them any more, and the audit log
    says who made it. False when it cannot be written down (the database is of an older program, or busy): that makes the backup
    no worse.
    """

    async def both(door: Door) -> None:
        await door.run(keep_backup, utc_now())
        await door.run(note, entry)

    return _written(config, both)


def write_row(config: Config, entry: AuditEntry) -> bool:
    """A row of the audit log about what a command has just done with keys or files. False when it cannot be written now: nothing
    is upgraded for it, and no database is made where there is none (a restore wants the place empty).
    """
    return _written(config, lambda door: door.run(note, entry))


def _written(config: Config, work: Callable[[Door], Awaitable[None]]) -> bool:
    async def write() -> None:
        storage = storage_of(config, upgrade=False)
        try:
            await work(storage.door)
        finally:
            await storage.close()

    here = installation_of(config)
    if not here.shared and not here.file.exists():
        return False
    try:
        asyncio.run(write())
    except Exception:  # whatever it is, what was done is done
        return False
    return True


def restore_database(config: Config, source: Path, secrets: Path | None, keys: Path | None) -> Restored:
    """Put a backup where no data are, in quarantine."""
    return restore(source, installation_of(config), secrets=secrets, keys=keys)


def drill_restore(config: Config, source: Path, secrets: Path | None, keys: Path | None, into: str) -> Drilled:
    """Rehearse a restore in an empty place."""
    return drill(source, installation_of(config), secrets=secrets, keys=keys, into=into)


def begin_quarantine(config: Config, by: str = COMMAND_LINE) -> tuple[int, int]:
    """Hold what is on its way to seekers and finish erasures the keys know of; how many of each."""

    async def begin() -> tuple[int, int]:
        storage = storage_of(config)
        try:
            return await storage.door.run(quarantine_now, (storage.keys, by))
        finally:
            await storage.close()

    return asyncio.run(begin())


def release_quarantine(config: Config, by: str = COMMAND_LINE) -> bool:
    """End the quarantine after a restore; False when there was none."""

    async def release() -> bool:
        storage = storage_of(config)
        try:
            return await storage.door.run(lift_quarantine, by)
        finally:
            await storage.close()

    return asyncio.run(release())
