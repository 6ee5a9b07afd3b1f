"""One background thread that speaks with Redis, so that nobody else ever waits for it."""

from __future__ import annotations

import contextlib
import json
import logging
import queue
import secrets
import threading
import time
from collections.abc import Collection
from typing import Any, Final

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from storage.wakeups import LocalWakeups

log = logging.getLogger(__name__)

ANSWERS_WITHIN_S: Final = 0.5
"""A Redis that takes longer counts as gone."""
AGAIN_S: Final = 0.5
"""How soon it is tried again."""
PRESENCE_EVERY_S: Final = 2.0
PRESENT_FOR_S: Final = 10.0
"""How long somebody counts as present after her process was last heard of."""
MOST_WAITING: Final = 1000

_SEEN = "redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', ARGV[1]); return redis.call('ZRANGE', KEYS[1], 0, -1)"


def client(url: str, password: str = "") -> redis.Redis:
    """A client that gives up soon and never retries by itself."""
    return redis.Redis.from_url(
        url,
        password=password or None,
        socket_timeout=ANSWERS_WITHIN_S,
        socket_connect_timeout=ANSWERS_WITHIN_S,
        decode_responses=True,
        retry=Retry(NoBackoff(), 0),
        client_name="binhan",
    )


class RedisLink:
    """Publishes our rings and brings those of the others; tells who is at our desk pages and learns who is at theirs.

    `prefix` keeps installations that share one Redis apart.
    """

    def __init__(self, url: str, prefix: str, local: LocalWakeups, password: str = "") -> None:
        """Starts two threads, which find Redis whenever it is there. `local` wakes those who wait in this process."""
        self._url, self._password, self._prefix = url, password, prefix
        self._local = local
        self._origin = secrets.token_hex(6)
        self._rings: queue.Queue[tuple[str, ...] | None] = queue.Queue(MOST_WAITING)
        self._present: tuple[str, ...] = ()
        self._others: frozenset[str] = frozenset()
        self._learnt_at = 0.0
        self._closed = threading.Event()
        self._talks = {"speaking": True, "listening": True}  # what was last logged about each thread
        self._threads = [
            threading.Thread(target=run, name=f"redis-{name}", daemon=True)
            for name, run in (("speaking", self._speak), ("listening", self._listen))
        ]
        for thread in self._threads:
            thread.start()

    # --- for everybody ------------------------------------------------------------------------------------------------

    def ring(self, *names: str) -> None:
        """Tell the other processes; never waits, and while Redis is gone nobody is told."""
        try:
            self._rings.put_nowait(names)
        except queue.Full:
            return  # they look by themselves

    def here(self, uids: Collection[str]) -> None:
        """These staff members have an open desk page in this process."""
        self._present = tuple(uids)

    def everywhere(self) -> frozenset[str] | None:
        """Everybody with an open desk page anywhere; None while Redis is gone, or was not heard yet."""
        learnt = self._learnt_at and time.monotonic() - self._learnt_at < PRESENT_FOR_S
        return self._others | frozenset(self._present) if learnt else None

    def who(self) -> frozenset[str]:
        """Everybody with an open desk page anywhere, as far as is known; with Redis gone only those here."""
        return self.everywhere() or frozenset(self._present)

    def close(self) -> None:
        """End both threads. Safe to repeat."""
        self._closed.set()
        with contextlib.suppress(queue.Full):
            self._rings.put_nowait(None)
        for thread in self._threads:
            thread.join(2 * ANSWERS_WITHIN_S + 1)

    # --- the threads ----------------------------------------------------------------------------------------------------

    def _speak(self) -> None:
        while not self._closed.is_set():
            try:
                with client(self._url, self._password) as speaking:
                    speaking.ping()
                    self._note("speaking", talks=True)
                    self._speak_with(speaking)
            except (redis.RedisError, OSError) as error:
                self._note("speaking", talks=False, error=error)
                self._closed.wait(AGAIN_S)

    def _speak_with(self, speaking: redis.Redis) -> None:
        learn_at = 0.0
        while not self._closed.is_set():
            if time.monotonic() >= learn_at:
                self._exchange_presence(speaking)
                learn_at = time.monotonic() + PRESENCE_EVERY_S
            names = self._waiting_rings(max(0.0, learn_at - time.monotonic()))
            if names:
                speaking.publish(f"{self._prefix}:rings", json.dumps([self._origin, *names]))

    def _waiting_rings(self, timeout_s: float) -> dict[str, None]:
        """Everything that waits to be told, each name once."""
        names: dict[str, None] = {}
        try:
            first = self._rings.get(timeout=timeout_s)
            while True:
                names.update(dict.fromkeys(first or ()))
                first = self._rings.get_nowait()
        except queue.Empty:
            return names

    def _exchange_presence(self, speaking: redis.Redis) -> None:
        key = f"{self._prefix}:present"
        now = _time_of(speaking)
        if self._present:
            pipeline = speaking.pipeline(transaction=False)
            pipeline.zadd(key, dict.fromkeys(self._present, now + PRESENT_FOR_S))
            pipeline.expire(key, int(PRESENT_FOR_S))
            pipeline.execute()
        self._others = frozenset(speaking.eval(_SEEN, 1, key, str(now)))
        self._learnt_at = time.monotonic()

    def _listen(self) -> None:
        while not self._closed.is_set():
            try:
                with client(self._url, self._password) as listening:
                    self._listen_to(listening.pubsub(ignore_subscribe_messages=True))
            except (redis.RedisError, OSError) as error:
                self._note("listening", talks=False, error=error)
                self._closed.wait(AGAIN_S)

    def _listen_to(self, heard: Any) -> None:
        with heard:
            heard.subscribe(f"{self._prefix}:rings")
            self._note("listening", talks=True)
            quiet_since = time.monotonic()
            while not self._closed.is_set():
                message = heard.get_message(timeout=ANSWERS_WITHIN_S)
                if message is not None:
                    quiet_since = time.monotonic()
                    self._hear(message)
                elif time.monotonic() - quiet_since > 5 * ANSWERS_WITHIN_S:
                    heard.ping()  # a frozen or half-dead Redis is left and found again
                    quiet_since = time.monotonic()

    def _hear(self, message: dict[str, Any]) -> None:
        if message.get("type") != "message":
            return
        origin, *names = json.loads(message["data"])
        if origin != self._origin:
            self._local.ring(*names)

    def _note(self, what: str, *, talks: bool, error: BaseException | None = None) -> None:
        """Say once that it is gone, and once that it is back."""
        if self._talks[what] == talks:
            return
        self._talks[what] = talks
        if talks:
            log.warning("redis (%s): back", what)
        else:
            log.warning("redis (%s): gone (%s); other processes are told a second later", what, type(error).__name__)


def _time_of(speaking: redis.Redis) -> float:
    """Redis's own clock, in seconds: everybody's clock may differ, this one is the same for all."""
    seconds, micros = speaking.time()
    return float(seconds) + float(micros) / 1e6
