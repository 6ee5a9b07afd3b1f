"""Opens the storage of an installation, for `bot/wiring.py`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from handlers.errors import BinhAnError
from storage import schema
from storage.door import SqliteDoor
from storage.engine import connect
from storage.keystore import KeyStore
from storage.removals import finish_removals
from storage.secrets import Secrets, load_secrets, throwaway
from storage.wakeups import LocalWakeups

MEMORY = ":memory:"


class UnknownDatabase(BinhAnError):
    """This database address is not understood; leave it out for the embedded database, or write sqlite:///PATH."""

    code = "unknown-database"


@dataclass(frozen=True, slots=True)
class Storage:
    """Everything the rest of the program gets of storage."""

    door: SqliteDoor
    wakeups: LocalWakeups
    secrets: Secrets = field(repr=False)
    keys: KeyStore = field(repr=False)

    async def close(self) -> None:
        """Finish what is queued and give all files back. Safe to repeat."""
        await self.door.close()
        self.keys.close()


def open_storage(
    url: str | Path = "",
    var: Path | None = None,
    *,
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    upgrade: bool = True,
) -> Storage:
    """Open the embedded database (made when it is not there), its key store and its secrets.

    `url`: "" for `var`/data.db, ":memory:", `sqlite:///PATH` or a path; `var`: where secrets and keys.db are (by default
    beside the database). `upgrade` False refuses an older database instead of upgrading it. Raises KeyMissing,
    SecretExposed, SecretMalformed, OlderDatabase, NewerDatabase or UnknownDatabase, each saying what to do.
    """
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
        finish_removals(connection, keys, clock())
    wakeups = LocalWakeups()
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
