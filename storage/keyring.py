"""The keys of one unit of work: fresh ones become durable before its commit, removed ones are destroyed after it."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from handlers import failpoints
from handlers.errors import KeyMissing
from storage.crypto import Unreadable, place, seal, unseal
from storage.data_keys import Keys

log = logging.getLogger(__name__)


class KeyRing:
    """Seals and opens fields for the stores of one unit of work."""

    def __init__(self, store: Keys) -> None:
        self._store = store
        self._fresh: dict[str, tuple[str, bytes]] = {}
        self._fresh_keys: dict[str, AESGCM] = {}
        self._at_hand: dict[str, AESGCM] = {}  # a turn seals and opens some fifteen fields under two keys
        self.removed: list[str] = []

    def make(self, kind: str, uid: str) -> None:
        """A data key for a new contact or case; durable once `commit` has returned."""
        key = os.urandom(32)
        self._fresh[uid] = (kind, key)
        self._fresh_keys[uid] = AESGCM(key)

    def holds(self, uid: str) -> bool:
        """Is there a key of this owner already?"""
        if uid in self._fresh_keys:
            return True
        try:
            self._store.get(uid)
        except KeyMissing:
            return False
        return True

    def load(self, uids: Iterable[str]) -> None:
        """Have the keys of these owners at hand."""
        self._store.load(uid for uid in uids if uid not in self._fresh_keys)

    def seal(self, table: str, column: str, row_uid: str, owner_uid: str, plain: bytes) -> bytes:
        """Seal one field under its owner's key; KeyMissing when that is gone."""
        return seal(self._key(owner_uid), owner_uid, plain, place(table, column, row_uid, owner_uid))

    def unseal(self, table: str, column: str, row_uid: str, owner_uid: str, sealed: bytes) -> bytes:
        """Open one field; KeyMissing or Unreadable when that cannot be."""
        return unseal(self._key(owner_uid), owner_uid, sealed, place(table, column, row_uid, owner_uid))

    def try_unseal(self, table: str, column: str, row_uid: str, owner_uid: str, sealed: bytes | None) -> bytes | None:
        """Open one field of many; None, and a line in the log, when it does not open, so that one spoilt row stops no other."""
        if sealed is None:
            return None
        try:
            return self.unseal(table, column, row_uid, owner_uid, sealed)
        except (KeyMissing, Unreadable) as error:
            log.error("%s.%s of row %s does not open: %s", table, column, row_uid, error.code)
            return None

    def commit(self) -> None:
        """Make fresh keys durable; to be called right before the data is committed."""
        if self._fresh:
            self._store.add(self._fresh)
            self._fresh.clear()
            failpoints.passing("keys.after_commit")

    def destroy_removed(self) -> None:
        """Destroy the keys of what was removed; to be called right after the data is committed."""
        self._store.destroy(self.removed)

    def _key(self, uid: str) -> AESGCM:
        key = self._fresh_keys.get(uid) or self._at_hand.get(uid)
        if key is None:
            key = self._at_hand[uid] = self._store.get(uid)
        return key
