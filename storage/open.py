"""Opens the storage of an installation, for `bot/wiring`."""

from __future__ import annotations

import sqlite3
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from handlers.errors import BinhAnError
from handlers.keeping import Tidy, nothing_to_tidy
from handlers.ports import Budgets, Presence, Wakeups
from storage import peppers, schema
from storage.data_keys import Keys
from storage.door import SqliteDoor
from storage.engine import connect
from storage.keystore import KeyStore
from storage.nerves import Nerves, local_nerves, open_nerves
from storage.prepared import Runner
from storage.removals import finish_removals
from storage.secrets import Secrets, load_secrets, throwaway
from storage.tidying import tidy_file

if TYPE_CHECKING:
    from storage.postgres.door import PostgresDoor

MEMORY = ":memory:"
POSTGRES = ("postgresql://", "postgres://")


class UnknownDatabase(BinhAnError):
    """This database address is not understood; leave it out for the embedded database, or write sqlite:///PATH or
    postgresql://USER@HOST/NAME.
    """

    code = "unknown-database"


Work = Callable[[], Awaitable[None]]


async def just_do(name: str, work: Work) -> None:
    """Do what one process alone may do; nobody else has an embedded database."""
    await work()


@dataclass(frozen=True, slots=True)
class Storage:
    """Everything the rest of the program gets of storage."""

    door: SqliteDoor | PostgresDoor
    secrets: Secrets = field(repr=False)
    keys: Keys = field(repr=False)
    nerves: Nerves
    shared: bool = False  # other processes may work on the same database
    alone: Callable[[str, Work], Awaitable[None]] = just_do
    """Do something under a name for as long as no other process does; waits for its turn, and is cancelled when that is lost."""
    tidy: Tidy = nothing_to_tidy
    """After rows were removed: finish destroying their keys, and leave no byte of them in the files."""

    @property
    def wakeups(self) -> Wakeups:
        """Rings loops, in all processes."""
        return self.nerves.wakeups

    @property
    def presence(self) -> Presence:
        """Who is at the desk."""
        return self.nerves.presence

    @property
    def budgets(self) -> Budgets:
        """What may still be sent to a platform."""
        return self.nerves.budgets

    async def close(self) -> None:
        """Finish what is queued and give all files back. Safe to repeat."""
        await self.door.close()
        await self.nerves.close()
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
    redis_url: str = "",
    redis_password: str = "",
    keys_url: str = "",
    keys_password: str = "",
    peppers_may_lack: bool = False,
) -> Storage:
    """Open the database (made when it is not there), its key store and its secrets.

    `url`: "" for `var`/data.db, ":memory:", `sqlite:///PATH`, a path, or `postgresql://…` (`password` apart from it);
    `var`: where secrets and keys.db are (by default beside an embedded database). `upgrade` False refuses an older embedded
    database instead of upgrading it; PostgreSQL is never upgraded here. `clock` None: the database's own, or the process's
    for an embedded one. `redis_url`: where several processes ring each other, "" for one alone. `keys_url`: the database
    where several machines keep their keys, "" for `var`/keys.db. `peppers_may_lack`: for the command that hashes everything
    anew where the lookup pepper of older data is gone. Raises KeyMissing, SecretExposed, SecretMalformed, OlderDatabase,
    NewerDatabase, UnknownDatabase, UnsuitableDatabase or StorageUnavailable, each saying what to do.
    """
    if str(url).startswith(POSTGRES):
        from storage.postgres.open import open_postgres

        return open_postgres(
            (str(url), password),
            var or Path("var"),
            clock=clock,
            redis=(redis_url, redis_password),
            keys=(keys_url, keys_password),
            peppers_may_lack=peppers_may_lack,
        )
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
        keys.require()
        connection, open_reader = connect(path), partial(connect, path, read_only=True, busy_s=1.0)
        if not peppers_may_lack:
            _require_peppers(connection, secrets, keys)
        finish_removals(Runner(connection), keys)
    nerves = open_nerves(redis_url, redis_password, secrets) if redis_url else local_nerves()
    door = SqliteDoor(connection, open_reader, keys, secrets.peppers, nerves.wakeups, clock)
    tidy = nothing_to_tidy if path is None else partial(tidy_file, path, (var or path.parent) / "keys.db", keys)
    return Storage(door, secrets, keys, nerves, tidy=tidy)


def _require_peppers(connection: sqlite3.Connection, secrets: Secrets, keys: Keys) -> None:
    try:
        peppers.require(Runner(connection), secrets.peppers)
    except BaseException:
        connection.close()
        keys.close()
        raise


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
