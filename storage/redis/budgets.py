"""How much all processes together may still send: the same buckets, kept in Redis."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING, Final

import redis
import redis.asyncio
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from handlers.ports import Budget
from storage.budgets import LocalBudgets, refuse_more_than_fits

if TYPE_CHECKING:
    from handlers.ports import Budgets

log = logging.getLogger(__name__)

ANSWERS_WITHIN_S: Final = 0.25
AGAIN_AFTER_S: Final = 1.0
"""After a failure everybody counts for himself for so long, so that sends do not wait for a dead Redis one after the other."""

# One step on Redis's own clock: refill, take or say how long. The key dies when the bucket would be full again.
_TAKE: Final = """
local rate, burst, cost = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local clock = redis.call('TIME')
local now = clock[1] + clock[2] / 1000000
local kept = redis.call('HMGET', KEYS[1], 't', 'a')
local tokens = tonumber(kept[1]) or burst
tokens = math.min(burst, tokens + math.max(0, now - (tonumber(kept[2]) or now)) * rate)
local wait = 0
if tokens >= cost then tokens = tokens - cost else wait = (cost - tokens) / rate end
redis.call('HSET', KEYS[1], 't', tostring(tokens), 'a', string.format('%.6f', now))
redis.call('PEXPIRE', KEYS[1], math.ceil(((burst - tokens) / rate + 1) * 1000))
return tostring(wait)
"""


class RedisBudgets:
    """`handlers.ports.Budgets` shared by all processes. While Redis is gone each process counts for itself."""

    def __init__(self, url: str, prefix: str, password: str = "") -> None:
        """Connects when first needed; use it from one event loop, close it there."""
        self._client = redis.asyncio.Redis.from_url(
            url,
            password=password or None,
            socket_timeout=ANSWERS_WITHIN_S,
            socket_connect_timeout=ANSWERS_WITHIN_S,
            retry=Retry(NoBackoff(), 0),
            client_name="binhan",
        )
        self._take = self._client.register_script(_TAKE)
        self._prefix = prefix
        self._alone = LocalBudgets()
        self._alone_until = 0.0

    async def take(self, name: str, budget: Budget, cost: float = 1.0) -> float:
        """Take `cost` tokens: 0.0, or how many seconds to wait before trying again."""
        refuse_more_than_fits(budget, cost)
        if time.monotonic() >= self._alone_until:
            try:
                arguments = [budget.per_second, budget.burst, cost]
                return float(await self._take(keys=[f"{self._prefix}:budget:{name}"], args=arguments))
            except (redis.RedisError, OSError, TimeoutError) as error:
                self._alone_until = time.monotonic() + AGAIN_AFTER_S
                log.warning("redis (budgets): gone (%s); every process counts for itself", type(error).__name__)
        return await self._alone.take(name, budget, cost)

    async def close(self) -> None:
        """Give the connections back."""
        await self._client.aclose()


if TYPE_CHECKING:

    def _are_budgets(budgets: RedisBudgets) -> Budgets:
        return budgets
