"""Data keys: durable before use, gone without a trace when destroyed."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from handlers.errors import KeyMissing
from handlers.model import new_uid
from storage.crypto import Unreadable, place, seal, unseal
from storage.keystore import KeyStore
from storage.secrets import throwaway
from tests.contract.builders import Clock

SECRETS = throwaway()


@pytest.fixture
def store(tmp_path: Path) -> Iterator[KeyStore]:
    opened = KeyStore(tmp_path / "keys.db", SECRETS, Clock())
    yield opened
    opened.close()


def bytes_of(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in sorted(folder.glob("keys.db*")))


def test_a_key_survives_the_process(tmp_path: Path, store: KeyStore) -> None:
    uid, key = new_uid(), os.urandom(32)
    where = place("t", "c", uid, uid)
    store.add({uid: ("case", key)})
    sealed = seal(store.get(uid), uid, b"x", where)
    again = KeyStore(tmp_path / "keys.db", SECRETS, Clock())
    assert unseal(again.get(uid), uid, sealed, where) == b"x"
    assert again.opens()
    again.close()


def test_keys_are_stored_wrapped(tmp_path: Path, store: KeyStore) -> None:
    key = os.urandom(32)
    store.add({new_uid(): ("case", key)})
    assert key not in bytes_of(tmp_path)


def test_adding_is_all_or_none(store: KeyStore) -> None:
    known, fresh = new_uid(), new_uid()
    store.add({known: ("case", os.urandom(32))})
    with pytest.raises(Exception, match="UNIQUE"):
        store.add({fresh: ("case", os.urandom(32)), known: ("case", os.urandom(32))})
    with pytest.raises(KeyMissing):
        store.get(fresh)


def test_a_destroyed_key_leaves_no_byte(tmp_path: Path, store: KeyStore) -> None:
    gone, kept = new_uid(), new_uid()
    store.add({gone: ("case", os.urandom(32)), kept: ("contact", os.urandom(32))})
    (wrapped,) = store._db.execute("SELECT wrapped FROM data_keys WHERE uid = ?", (gone,)).fetchone()
    assert wrapped in bytes_of(tmp_path)
    for _ in range(2):
        store.destroy([gone])
    assert wrapped not in bytes_of(tmp_path)
    assert (store.owners(), store.destroyed()) == ({kept}, {gone})
    with pytest.raises(KeyMissing):
        store.get(gone)


def test_another_key_encryption_key_opens_nothing(tmp_path: Path, store: KeyStore) -> None:
    uid = new_uid()
    store.add({uid: ("case", os.urandom(32))})
    other = KeyStore(tmp_path / "keys.db", throwaway(), Clock())
    with pytest.raises(Unreadable):
        other.get(uid)
    other.close()


def test_only_so_many_keys_stay_unwrapped(tmp_path: Path) -> None:
    store = KeyStore(tmp_path / "keys.db", SECRETS, Clock(), cached=3)
    uids = [new_uid() for _ in range(10)]
    store.add({uid: ("case", os.urandom(32)) for uid in uids})
    store.load(uids)
    assert len(store._cache) == 3
    assert all(store.get(uid) for uid in uids)
    store.close()


def test_a_newer_key_store_is_refused(tmp_path: Path, store: KeyStore) -> None:
    store._db.execute("PRAGMA user_version=9")
    with pytest.raises(KeyMissing, match="newer program"):
        KeyStore(tmp_path / "keys.db", SECRETS, Clock())
