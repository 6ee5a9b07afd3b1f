"""The tokens of a Zalo Official Account: an access token for a day, and a refresh token that works once.

A refresh gives a new pair and kills the old one at once, so it is done by one process at a time (a lease), and the new pair is
durable before anything uses it. When the platform takes our refresh token no more, only a human can give us another one: an
alarm says so, and the file with the first token is read anew at every try.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import secrets
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta

import msgspec
import structlog

from bot.channels.sending import Answer, Caller
from handlers import failpoints
from handlers.alarms import TOKEN_LOST
from handlers.errors import BinhAnError
from handlers.ports import Alarms, Vault

log = structlog.get_logger()

REFRESH_AFTER = timedelta(hours=20)  # of 25: five hours to repair whatever keeps us from it
EXPIRES_S = 90_000  # 25 h, where the platform does not say
LEASE_S = 20.0  # one question and its storing take half of it; a holder that died is waited for so long
LOOK_EVERY_S = 60.0
LOOK_SOON_S = 5.0  # while there is no token
AGAIN_S = 30.0  # after a refresh that failed; the platform is not asked more often
STORE_AGAIN_S = 0.5
OTHERS_TAKE_S = 5.0  # how long another process's refresh is waited for


@dataclass(frozen=True, slots=True)
class Pair:
    """Two tokens and when they came. `seed` marks the first refresh token of their line, the one an operator gave."""

    access: str = field(repr=False)
    refresh: str = field(repr=False)
    got_at: datetime
    expires_s: int
    seed: str

    def is_young(self, now: datetime) -> bool:
        """Need it not be refreshed yet?"""
        return now < self.got_at + min(REFRESH_AFTER, timedelta(seconds=self.expires_s * 0.8))

    def lives(self, now: datetime) -> bool:
        """Does the platform take it still, as far as time goes?"""
        return now < self.got_at + timedelta(seconds=self.expires_s)


class TokenKeeper:
    """Gives a valid access token, and refreshes in time."""

    def __init__(
        self,
        channel: str,
        *,
        app_id: str,
        app_secret: str,
        seed: Callable[[], str],
        oauth_url: str,
        caller: Caller,
        vault: Vault,
        alarms: Alarms,
        clock: Callable[[], datetime],
    ) -> None:
        """`seed` reads the refresh token that an operator has put in place; a new one there begins a new line of tokens."""
        self._channel = channel
        self._sent = {"app_id": app_id, "grant_type": "refresh_token"}
        self._app_secret, self._seed = app_secret, seed
        self._url = f"{oauth_url.rstrip('/')}/v4/oa/access_token"
        self._caller, self._vault, self._alarms, self._clock = caller, vault, alarms, clock
        self._name = f"zalo-oa:{channel}"
        self._holder = secrets.token_hex(8)
        self._pair: Pair | None = None
        self._refused = ""  # an access token the platform did not take
        self._renewing: asyncio.Task[None] | None = None
        self._not_before: datetime | None = None  # after a failure

    async def token(self) -> str:
        """A token to send with, or "" when there is none now (said by an alarm where a human must help)."""
        now = self._clock()
        if self._pair is None or not self._pair.is_young(now) or self._pair.access == self._refused:
            try:
                await self.renew()
            except BinhAnError as error:
                log.error("zalo_oa.renewing_failed", channel=self._channel, error=error.code)
        pair = self._pair
        return pair.access if pair is not None and pair.lives(now) and pair.access != self._refused else ""

    def refused(self, token: str) -> None:
        """The platform did not take this token: the next one to ask gets another."""
        self._refused = token

    async def keep(self) -> None:
        """Refresh in time, until cancelled."""
        while True:
            token = ""
            try:
                token = await self.token()
            except Exception as error:
                log.error("zalo_oa.token_failed", channel=self._channel, error=type(error).__name__)
            await asyncio.sleep(LOOK_EVERY_S if token else LOOK_SOON_S)

    async def renew(self) -> None:
        """Have the newest pair; at most one refresh at a time here, and whoever gives up waiting does not stop it."""
        if self._renewing is None or self._renewing.done():
            self._renewing = asyncio.get_running_loop().create_task(self._renew())
        await asyncio.shield(self._renewing)

    async def close(self) -> None:
        """Let a refresh under way come to its end: its tokens would be lost."""
        if self._renewing is not None and not self._renewing.done():
            await asyncio.wait([self._renewing], timeout=LEASE_S / 2)

    # --- one refresh -------------------------------------------------------------------------------------------------------

    async def _renew(self) -> None:
        if await self._adopt():
            return
        if self._not_before is not None and self._clock() < self._not_before:
            return
        if not await self._vault.take(self._name, self._holder, LEASE_S):
            await self._wait_for_others()
            return
        try:
            if not await self._adopt():
                await self._refresh()
        finally:
            with contextlib.suppress(BinhAnError):  # it runs out by itself
                await self._vault.give_back(self._name, self._holder)

    async def _adopt(self) -> bool:
        """Take over what is stored; True when it is good to use."""
        kept = await self._vault.get(self._name)
        if kept is not None:
            self._pair = msgspec.json.decode(kept, type=Pair)
            if self._begins_anew(self._given()):
                return False
        pair = self._pair
        return pair is not None and pair.is_young(self._clock()) and pair.access != self._refused

    async def _wait_for_others(self) -> None:
        for _ in range(round(OTHERS_TAKE_S / STORE_AGAIN_S)):
            await asyncio.sleep(STORE_AGAIN_S)
            if await self._adopt():
                return

    async def _refresh(self) -> None:
        seed, pair = self._given(), self._pair
        if pair is None or self._begins_anew(seed):
            spent, mark = seed, _mark(seed)
        else:
            spent, mark = pair.refresh, pair.seed
        if not spent:
            await self._lost("no refresh token")
            return
        headers = {"secret_key": self._app_secret}
        answer = await self._caller.ask("POST", self._url, data={**self._sent, "refresh_token": spent}, headers=headers)
        failpoints.passing("tokens.called")
        fresh = self._read(answer, mark)
        if fresh is not None:
            await self._store(fresh)
            failpoints.passing("tokens.stored")
            self._pair, self._not_before = fresh, None
            log.info("zalo_oa.tokens_refreshed", channel=self._channel)
            await self._alarms.hush(self._channel, TOKEN_LOST)
        elif answer.ambiguous:
            # Not reached, or its answer is lost. The token may be spent; the next try will tell.
            self._not_before = self._clock() + timedelta(seconds=AGAIN_S)
            log.warning("zalo_oa.refresh_failed", channel=self._channel, status=answer.status, error=answer.error)
        else:
            await self._lost(f"error {_code(answer)}")

    def _read(self, answer: Answer, mark: str) -> Pair | None:
        access, refresh = answer.body.get("access_token"), answer.body.get("refresh_token")
        if not (isinstance(access, str) and access and isinstance(refresh, str) and refresh):
            return None
        try:
            expires_s = int(answer.body.get("expires_in", EXPIRES_S))
        except (TypeError, ValueError):
            expires_s = EXPIRES_S
        return Pair(access, refresh, self._clock(), max(60, expires_s), mark)

    async def _store(self, pair: Pair) -> None:
        """Durable before anybody uses it, however long storage is away: no other copy of these tokens exists."""
        while True:
            try:
                await self._vault.put(self._name, msgspec.json.encode(asdict(pair)).decode())
                return
            except BinhAnError as error:
                log.error("zalo_oa.tokens_not_stored", channel=self._channel, error=error.code)
                await asyncio.sleep(STORE_AGAIN_S)

    async def _lost(self, why: str) -> None:
        self._not_before = self._clock() + timedelta(seconds=AGAIN_S)
        log.error("zalo_oa.token_lost", channel=self._channel, why=why)
        await self._alarms.sound(self._channel, TOKEN_LOST)

    def _given(self) -> str:
        """What the operator has put in place; "" when that cannot be read now."""
        try:
            return self._seed()
        except BinhAnError:
            return ""

    def _begins_anew(self, seed: str) -> bool:
        """Has an operator put another first token in place, so that the line of the old one is over?"""
        return bool(seed) and self._pair is not None and self._pair.seed != _mark(seed)


def _mark(seed: str) -> str:
    return hashlib.sha256(seed.encode()).hexdigest()[:16]


def _code(answer: Answer) -> int:
    """The platform's error number, 0 when it names none."""
    code = answer.body.get("error", answer.body.get("error_code", 0))
    return code if isinstance(code, int) else 0
