"""Where data, keys and secrets of a configuration lie, and opening them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from bot.config import Config, Secret
from storage.installation import Installation
from storage.lock import ServeLock
from storage.open import Storage, open_storage


def database_of(config: Config) -> str:
    """The SQLite file (or another URL) the data lies in."""
    return config.database.url or f"sqlite:///{config.var / 'data.db'}"


def storage_of(
    config: Config,
    clock: Callable[[], datetime] | None = None,
    *,
    upgrade: bool = True,
    peppers_may_lack: bool = False,
) -> Storage:
    """The storage of this configuration, opened (see `open_storage`)."""
    return open_storage(
        database_of(config),
        config.var,
        clock=clock,
        upgrade=upgrade,
        password=read_secret(config.database.password),
        redis_url=config.redis.url,
        redis_password=read_secret(config.redis.password),
        keys_url=config.database.keys_url,
        keys_password=read_secret(config.database.keys_password),
        peppers_may_lack=peppers_may_lack,
    )


def read_secret(secret: Secret | None) -> str:
    """The word itself, "" where none is configured."""
    return secret.read() if secret is not None else ""


def hold_lock(config: Config) -> ServeLock:
    """Keep a second `serve` off the same data (a context manager); BinhAnError in words when one runs already. Where several may
    work side by side it only keeps a restore away.
    """
    return ServeLock(config.var, shared=config.database.shared)


def installation_of(config: Config) -> Installation:
    """Where data, keys and secrets of this configuration lie."""
    return Installation(
        config.var,
        config.database.url,
        read_secret(config.database.password),
        config.database.keys_url,
        read_secret(config.database.keys_password),
        config.keys_second,
    )
