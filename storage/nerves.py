"""Wake-ups, presence and budgets of one process, or of all that share a Redis."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from handlers.ports import Budgets, Presence, Wakeups
from storage.budgets import LocalBudgets
from storage.presence import LocalPresence
from storage.secrets import Secrets
from storage.wakeups import LocalWakeups


async def nothing() -> None:
    """Nothing to close."""


@dataclass(frozen=True, slots=True)
class Nerves:
    """What carries hints."""

    wakeups: Wakeups
    presence: Presence
    budgets: Budgets
    close: Callable[[], Awaitable[None]] = nothing


def local_nerves() -> Nerves:
    """For one process."""
    return Nerves(LocalWakeups(), LocalPresence(), LocalBudgets())


def open_nerves(url: str, password: str, secrets: Secrets) -> Nerves:
    """Through Redis; returns at once, whether it is there or not. Installations that share one are kept apart."""
    from storage.redis.budgets import RedisBudgets
    from storage.redis.link import RedisLink
    from storage.redis.wakeups import RedisWakeups

    prefix = "binhan:" + hmac.new(secrets.session, b"redis prefix", hashlib.sha256).hexdigest()[:12]
    local = LocalWakeups()
    link = RedisLink(url, prefix, local, password)
    budgets = RedisBudgets(url, prefix, password)

    async def close() -> None:
        await budgets.close()
        await asyncio.to_thread(link.close)

    return Nerves(RedisWakeups(local, link), link, budgets, close)
