"""Where everything of one installation lies: the data, the keys, the secrets, and the second place of the keys."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from handlers.errors import BinhAnError
from storage.data_keys import Keys
from storage.keystore import KeyStore
from storage.open import POSTGRES
from storage.secrets import Secrets

if TYPE_CHECKING:
    import psycopg


class NothingYet(BinhAnError):
    """Nothing has been kept here yet. Run `python -m bot serve` once, or see whether `var` and --config are the right ones."""

    code = "nothing-yet"


class NoData(BinhAnError):
    """The data are not there, and this cannot be done without them; put a backup in their place first (`restore`)."""

    code = "no-data"


DATA = "data.db"
KEYS = "keys.db"
SECRETS = "secrets"


PATIENCE_S: Final = 20.0
"""How long a command waits for the key file while services write: nobody in danger waits for a command."""


@dataclass(frozen=True, slots=True)
class Installation:
    """Passwords stand apart from addresses, so that an address may be shown."""

    var: Path
    database: str = ""  # "": `var`/data.db; else sqlite:///PATH or postgresql://…
    password: str = field(default="", repr=False)
    keys_url: str = ""  # "": `var`/keys.db; else a PostgreSQL database of their own
    keys_password: str = field(default="", repr=False)
    second: Path | None = None  # another disk, where copies of the keys are kept

    @property
    def shared(self) -> bool:
        """Does the data lie in PostgreSQL?"""
        return self.database.startswith(POSTGRES)

    @property
    def file(self) -> Path:
        """The SQLite file of the data."""
        return Path(self.database.removeprefix("sqlite:///")) if self.database else self.var / DATA

    @property
    def secrets(self) -> Path:
        """The folder of the secret files."""
        return self.var / SECRETS

    def must_have_begun(self) -> None:
        """Refuse, with NothingYet, what makes sense only after a first start, before it looks as if something had been lost."""
        begun = self.shared or self.file.exists() or (self.var / KEYS).exists() or self.secrets.exists()
        if not begun:
            raise NothingYet(f"looked in {self.var}")

    @property
    def has_data(self) -> bool:
        """Is there a file of data, or a database where they may be? Opening what is not there would make an empty one."""
        return self.shared or self.file.exists()

    def parameters(self, name: str) -> dict[str, Any]:
        """What libpq needs to reach the data; `name` is what the server calls us."""
        from storage.postgres.connection import parameters

        return parameters(self.database, self.password, name)

    def connect(self, name: str) -> psycopg.Connection[Any]:
        """A connection to the data in PostgreSQL; StorageUnavailable when nobody answers."""
        from storage.postgres.connection import connect

        return connect(self.parameters(name))

    def open_keys(self, secrets: Secrets, clock: Callable[[], datetime]) -> Keys:
        """The key store; whoever opens it closes it."""
        if not self.shared:
            return KeyStore(self.var / KEYS, secrets, clock, patience_s=PATIENCE_S)
        from storage.postgres.open import open_keys

        return open_keys((self.keys_url, self.keys_password), self.var, secrets, clock, patience_s=PATIENCE_S)
