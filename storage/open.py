"""Opens the storage of an installation, for `bot/wiring.py`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from handlers.errors import BinhAnError
from handlers.ports import Wakeups
from storage import schema
from storage.door import SqliteDoor
from storage.engine import connect
from storage.keystore import KeyStore
from storage.prepared import Runner
from storage.removals import finish_removals
from storage.secrets import Secrets, load_secrets, throwaway
from storage.wakeups import LocalWakeups

if TYPE_CHECKING:
    from storage.postgres.door import PostgresDoor

MEMORY = ":memory:"
POSTGRES = ("postgresql://", "postgres://")


class UnknownDatabase(BinhAnError):
    """This database address is not understood; leave it out for the embedded database, or write sqlite:///PATH or
    postgresql://USER@HOST/NAME.
    """

    code = "unknown-database"


@dataclass(frozen=True, slots=True)
class Storage:
    """Everything the rest of the program gets of storage."""

    door: SqliteDoor | PostgresDoor
    wakeups: Wakeups
    secrets: Secrets = field(repr=False)
    keys: KeyStore = field(repr=False)
    shared: bool = False  # other processes may work on the same database

    async def close(self) -> None:
        """Finish what is queued and give all files back. Safe to repeat."""
        await self.door.close()
        self.keys.close()


def utc_now() -> datetime:
    """The process's clock, aware."""
    return datetime.now(UTC)


def open_storage(
    url: str | Path = "",
    var: Path | None = None,
    *,
    clock: Callable[[], datetime] | None = None,
    upgrade: bool = True,
    password: str = "",
    wakeups: Wakeups | None = None,
) -> Storage:
    """Open the database (made when it is not there), its key store and its secrets.

    `url`: "" for `var`/data.db, ":memory:", `sqlite:///PATH`, a path, or `postgresql://…` (`password` apart from it);
    `var`: where secrets and keys.db are (by default beside an embedded database). `upgrade` False refuses an older embedded
    database instead of upgrading it; PostgreSQL is never upgraded here. `clock` None: the database's own, or the process's
    for an embedded one. `wakeups` None: those of one process. Raises KeyMissing, SecretExposed, SecretMalformed,
    OlderDatabase, NewerDatabase, UnknownDatabase, UnsuitableDatabase or StorageUnavailable, each saying what to do.
    """
    wakeups = wakeups or LocalWakeups()
    if str(url).startswith(POSTGRES):
        from storage.postgres.open import open_postgres

        return open_postgres(str(url), var or Path("var"), clock=clock, password=password, wakeups=wakeups)
    clock = clock or utc_now
    path = _path(url, var)
    if path is None:
        secrets = throwaway()
        connection, open_reader = connect(None), None
        schema.create(connection)
        keys = KeyStore(None, secrets, clock)
    else:
        var = var or path.parent
        var.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        secrets = load_secrets(var)
        schema.settle(path, upgraded=upgrade)
        keys = KeyStore(var / "keys.db", secrets, clock)
        connection, open_reader = connect(path), partial(connect, path, read_only=True, busy_s=1.0)
        finish_removals(Runner(connection), keys, clock())
    door = SqliteDoor(connection, open_reader, keys, secrets.pepper, wakeups, clock)
    return Storage(door, wakeups, secrets, keys)


def _path(url: str | Path, var: Path | None) -> Path | None:
    text = str(url)
    if text == MEMORY or text == "sqlite://":
        return None
    if not text:
        return (var or Path("var")) / "data.db"
    if text.startswith("sqlite:///"):
        return Path(text.removeprefix("sqlite:///"))
    if "://" in text:
        raise UnknownDatabase(text.split("://", 1)[0])
    return Path(text)
