"""Data keys, one per contact and one per case, wrapped: making, keeping, finding and destroying them, whatever holds the rows.

A key is durable before the first ciphertext that uses it: an orphaned key is harmless, a missing one is a lost message.
Destroying a key makes everything sealed with it unreadable, in every backup that does not also hold an older key store.
Each row says under which key-encryption key it is wrapped; which one wraps new ones is a row of the store itself, so that all
processes agree. Readers accept every one whose file they have, so that nothing waits for a rotation (`storage/rotation.py`).
"""

from __future__ import annotations

import hashlib
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from handlers.errors import KeyMissing
from storage.crypto import unwrap, wrap
from storage.secrets import Secrets, kek_number
from storage.types import from_micros, to_micros

ACTIVE_FOR_S = 1.0
"""So long a process goes on wrapping under the key-encryption key it knows; a rotation waits for it."""
LOOK_BACK_US = 60_000_000  # clocks of several processes may differ, and a destruction takes a moment


Wrapped = tuple[str, str, str, bytes]
"""A row as it is kept: owner, kind, key-encryption key, wrapped key."""


class Keys:
    """Makes, keeps, finds and destroys data keys, whatever holds the rows. Safe to use from several threads."""

    def __init__(self, secrets: Secrets, clock: Callable[[], datetime], cached: int = 8192) -> None:
        """`cached` bounds how many unwrapped keys stay in the process."""
        self.keks = secrets.keks
        self.peppers = secrets.peppers  # who can read which is told and asked in the same way
        self._active, self._active_until = "", 0.0
        self._clock = clock
        self._cached = cached
        self._cache: OrderedDict[str, AESGCM] = OrderedDict()
        self._lock = threading.RLock()
        self._looked_at = 0  # microseconds: what was destroyed before is forgotten already

    @property
    def lasting(self) -> bool:
        """Do they outlive the process?"""
        return True

    # --- what holds the rows ------------------------------------------------------------------------------------------

    def _insert(self, rows: Sequence[tuple[str, str, str, bytes, int]]) -> None:
        """Make these rows durable, all or none."""
        raise NotImplementedError

    def _find(self, uids: Sequence[str]) -> Sequence[Wrapped]:
        """The rows of these owners."""
        raise NotImplementedError

    def _all(self) -> Iterable[Wrapped]:
        """Every row."""
        raise NotImplementedError

    def _remove(self, uids: Sequence[str], now: int) -> None:
        """Take these rows away, so that nothing of them is left, and note that they were destroyed."""
        raise NotImplementedError

    def _destroyed_since(self, at: int) -> Iterable[str]:
        """Whose keys were destroyed at or after then (microseconds)."""
        raise NotImplementedError

    def _begun(self) -> list[tuple[str, int]]:
        """The key-encryption keys that wrap or have wrapped, and since when (microseconds, 0: since the beginning)."""
        raise NotImplementedError

    def _begin(self, kek: str, now: int) -> None:
        """From now on this one wraps. Safe to repeat."""
        raise NotImplementedError

    def _under_others(self, kek: str, most: int) -> Sequence[Wrapped]:
        """Some rows that are wrapped under another one."""
        raise NotImplementedError

    def _swap(self, rows: Sequence[tuple[str, bytes, str, bytes]]) -> None:
        """Replace wrapped keys (new id, new wrapped, owner, old wrapped), all or none; those that changed meanwhile stay."""
        raise NotImplementedError

    def wrapped_under(self) -> dict[str, int]:
        """How many data keys are wrapped under each key-encryption key."""
        raise NotImplementedError

    def owners(self) -> set[str]:
        """Everybody who has a key here."""
        raise NotImplementedError

    def leave_no_trace(self) -> None:
        """Nothing of replaced rows stays in the file or its log."""

    def copy_to(self, path: Path) -> None:
        """Write everything into a new key store file, as it is at one moment, while others go on."""
        raise NotImplementedError

    def fingerprint(self) -> str:
        """Changes whenever anything here does."""
        raise NotImplementedError

    def say_held(self) -> None:
        """Tell the others which key-encryption keys and lookup peppers this process can read, where they may lie on several
        machines.
        """

    def lacking(self, name: str) -> list[str]:
        """Machines at work that cannot read this key-encryption key or lookup pepper."""
        return []

    def destroyed(self) -> set[str]:
        """Everybody whose key was destroyed here."""
        with self._lock:
            return set(self._destroyed_since(0))

    def close(self) -> None:
        """Give everything back and forget the unwrapped keys."""
        with self._lock:
            self._cache.clear()

    # --- for everybody ------------------------------------------------------------------------------------------------

    def add(self, keys: Mapping[str, tuple[str, bytes]]) -> None:
        """Make these keys (uid -> kind and 32 bytes) durable, all or none. Returns after the commit."""
        now = to_micros(self._clock())
        with self._lock:
            kek_id = self.active()
            kek = self.keks.get(kek_id)
            self._insert(
                [(uid, kind, kek_id, wrap(kek, kek_id, kind, uid, key), now) for uid, (kind, key) in keys.items()]
            )
            for uid, (_, key) in keys.items():
                self._remember(uid, AESGCM(key))

    def load(self, uids: Iterable[str]) -> None:
        """Have the keys of these owners at hand, in one query for all that are not."""
        with self._lock:
            wanted = [uid for uid in uids if uid not in self._cache]
            if not wanted:
                return
            for uid, kind, kek, wrapped in self._find(wanted):
                self._remember(uid, AESGCM(unwrap(self.keks.get(kek), kek, kind, uid, wrapped)))

    def active(self, *, fresh: bool = False) -> str:
        """The key-encryption key that wraps new data keys; known for a second, `fresh` asks again."""
        with self._lock:
            if fresh or time.monotonic() >= self._active_until:
                self._active = max((kek for kek, _ in self._begun()), key=kek_number)
                self._active_until = time.monotonic() + ACTIVE_FOR_S
            return self._active

    def begun_at(self) -> dict[str, datetime | None]:
        """Since when each key-encryption key has wrapped (None: since the beginning), oldest first."""
        with self._lock:
            begun = sorted(self._begun(), key=lambda one: kek_number(one[0]))
        return {kek: from_micros(at) if at else None for kek, at in begun}

    def begin(self, kek: str) -> None:
        """Let this key-encryption key wrap from now on; KeyMissing when its file is not here."""
        self.keks.get(kek)
        with self._lock:
            self._begin(kek, to_micros(self._clock()))
            self._active_until = 0.0

    def rewrap(self, most: int = 200) -> int:
        """Wrap some data keys anew under the active key-encryption key; how many, 0 when none is left. What another process
        destroys at the same moment stays destroyed.
        """
        with self._lock:
            kek_id = self.active(fresh=True)
            kek = self.keks.get(kek_id)
            found = self._under_others(kek_id, most)
            swapped = []
            for uid, kind, old_id, old in found:
                key = unwrap(self.keks.get(old_id), old_id, kind, uid, old)
                swapped.append((kek_id, wrap(kek, kek_id, kind, uid, key), uid, old))
            if swapped:
                self._swap(swapped)
        return len(swapped)

    def require(self) -> None:
        """Is every key-encryption key here that a data key is wrapped under, and the active one? KeyMissing names the file, and
        then the store is closed.
        """
        try:
            for kek in {*self.wrapped_under(), self.active(fresh=True)}:
                self.keks.get(kek)
        except BaseException:
            self.close()
            raise

    def get(self, uid: str) -> AESGCM:
        """The data key of this owner; KeyMissing when it was destroyed or never made here."""
        with self._lock:
            key = self._cache.get(uid)
            if key is None:
                self.load((uid,))
                key = self._cache.get(uid)
            else:
                self._cache.move_to_end(uid)
        if key is None:
            raise KeyMissing(f"owner {uid}")
        return key

    def destroy(self, uids: Iterable[str]) -> None:
        """Destroy these keys for good and leave no byte of them in the file or its log. Safe to repeat."""
        gone = list(uids)
        if not gone:
            return
        now = to_micros(self._clock())
        with self._lock:
            for uid in gone:
                self._cache.pop(uid, None)
            self._remove(gone, now)

    def forget_destroyed(self) -> int:
        """Drop the unwrapped keys that another process has destroyed meanwhile; how many."""
        with self._lock:
            gone = [uid for uid in self._destroyed_since(self._looked_at) if uid in self._cache]
            self._looked_at = to_micros(self._clock()) - LOOK_BACK_US
            for uid in gone:
                del self._cache[uid]
        return len(gone)

    def opens(self) -> bool:
        """Does every key here unwrap under our key-encryption keys? Unreadable or KeyMissing names the first that does not."""
        with self._lock:
            for uid, kind, kek, wrapped in self._all():
                unwrap(self.keks.get(kek), kek, kind, uid, wrapped)
        return True

    def _remember(self, uid: str, key: AESGCM) -> None:
        self._cache[uid] = key
        if len(self._cache) > self._cached:
            self._cache.popitem(last=False)


def digest_of(answers: Iterable[Iterable[Sequence[str]]]) -> str:
    """One word for what some queries have answered."""
    seen = hashlib.sha256()
    for number, rows in enumerate(answers):
        seen.update(b"%d" % number)
        for row in rows:
            seen.update("|".join(row).encode())
    return seen.hexdigest()
