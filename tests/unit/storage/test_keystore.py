"""Data keys: durable before use, gone without a trace when destroyed."""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from handlers.errors import KeyMissing
from handlers.model import new_uid
from storage.crypto import Unreadable, place, seal, unseal
from storage.data_keys import Keys
from storage.installation import PATIENCE_S
from storage.keystore import KeyStore
from storage.open import open_storage
from storage.postgres.checking import check_postgres
from storage.postgres.connection import parameters
from storage.postgres.keystore import PostgresKeyStore
from storage.secrets import Secrets, throwaway
from tests.contract.builders import Clock, act, address
from tests.servers.postgres import drop_database, make_database

SECRETS = throwaway()
SAID_OF_A_HASTY_SERVER = [
    f"setting: {name} is off; a power cut can lose what was accepted, switch it on in postgresql.conf"
    for name in ("fsync", "full_page_writes")
]


Open = Callable[..., Keys]


@pytest.fixture
def store(tmp_path: Path) -> Iterator[KeyStore]:
    opened = KeyStore(tmp_path / "keys.db", SECRETS, Clock())
    yield opened
    opened.close()


@pytest.fixture(params=["file", "postgres"])
def open_keys(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Open]:
    """Opens the same key store again and again, as processes do."""
    opened: list[Keys] = []
    if request.param == "postgres":
        server = request.getfixturevalue("postgres_server")
        given = parameters(make_database(server.url, "binhan_keys"))

    def open_one(secrets: Secrets = SECRETS, **more: int) -> Keys:
        if request.param == "postgres":
            opened.append(PostgresKeyStore(given, secrets, Clock(), **more))
        else:
            opened.append(KeyStore(tmp_path / "keys.db", secrets, Clock(), **more))
        return opened[-1]

    yield open_one
    for each in opened:
        each.close()
    if request.param == "postgres":
        drop_database(server.url, "binhan_keys")


def bytes_of(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in sorted(folder.glob("keys.db*")))


def test_a_key_survives_the_process(open_keys: Open) -> None:
    store = open_keys()
    uid, key = new_uid(), os.urandom(32)
    where = place("t", "c", uid, uid)
    store.add({uid: ("case", key)})
    sealed = seal(store.get(uid), uid, b"x", where)
    again = open_keys()
    assert unseal(again.get(uid), uid, sealed, where) == b"x"
    assert again.opens()


def test_keys_are_stored_wrapped(tmp_path: Path, store: KeyStore) -> None:
    key = os.urandom(32)
    store.add({new_uid(): ("case", key)})
    assert key not in bytes_of(tmp_path)


def test_adding_is_all_or_none(open_keys: Open) -> None:
    store = open_keys()
    known, fresh = new_uid(), new_uid()
    store.add({known: ("case", os.urandom(32))})
    with pytest.raises(Exception, match=r"(?i)unique"):
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


def test_another_key_encryption_key_opens_nothing(open_keys: Open) -> None:
    uid = new_uid()
    open_keys().add({uid: ("case", os.urandom(32))})
    with pytest.raises(Unreadable):
        open_keys(throwaway()).get(uid)


def test_a_destroyed_key_is_gone_for_everybody_who_shares_the_store(open_keys: Open) -> None:
    one, other = open_keys(), open_keys()
    gone, kept = new_uid(), new_uid()
    one.add({gone: ("case", os.urandom(32)), kept: ("contact", os.urandom(32))})
    assert other.get(gone)
    for _ in range(2):
        one.destroy([gone])
    assert (other.owners(), other.destroyed()) == ({kept}, {gone})
    assert other.forget_destroyed() == 1
    for store in (one, other):
        with pytest.raises(KeyMissing):
            store.get(gone)
        assert store.get(kept)


def test_a_broken_connection_to_the_keys_is_replaced(postgres_server: Any) -> None:
    given = parameters(make_database(postgres_server.url, "binhan_keys"))
    store = PostgresKeyStore(given, SECRETS, Clock())
    uid = new_uid()
    store.add({uid: ("case", os.urandom(32))})
    store._cache.clear()
    with psycopg.connect(f"{postgres_server.url}/postgres", autocommit=True) as there:
        there.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'binhan_keys'")
    with pytest.raises(psycopg.OperationalError):
        store.get(uid)
    assert store.get(uid)
    store.close()
    drop_database(postgres_server.url, "binhan_keys")


async def test_a_whole_installation_with_its_keys_elsewhere(
    empty_postgres: str, postgres_server: Any, tmp_path: Path
) -> None:
    keys = make_database(postgres_server.url, "binhan_keys")
    storage = open_storage(empty_postgres, tmp_path, keys_url=keys)
    (contact,) = await act(storage.door, lambda uow: uow.contacts.open([address()]))
    assert storage.keys.owners() == {contact.uid}
    assert not (tmp_path / "keys.db").exists()
    await storage.close()
    assert check_postgres((empty_postgres, ""), (keys, ""), tmp_path) == SAID_OF_A_HASTY_SERVER
    KeyStore(tmp_path / "keys.db", SECRETS, Clock()).close()
    drop_database(postgres_server.url, "binhan_keys")
    keys = make_database(postgres_server.url, "binhan_keys")
    with pytest.raises(KeyMissing, match="must move along"):
        open_storage(empty_postgres, tmp_path, keys_url=keys)
    drop_database(postgres_server.url, "binhan_keys")


def test_only_so_many_keys_stay_unwrapped(open_keys: Open) -> None:
    store = open_keys(cached=3)
    uids = [new_uid() for _ in range(10)]
    store.add({uid: ("case", os.urandom(32)) for uid in uids})
    store.load(uids)
    assert len(store._cache) == 3
    assert all(store.get(uid) for uid in uids)


def test_a_newer_key_store_is_refused(tmp_path: Path, store: KeyStore) -> None:
    store._db.execute("PRAGMA user_version=9")
    with pytest.raises(KeyMissing, match="newer program"):
        KeyStore(tmp_path / "keys.db", SECRETS, Clock())


def test_a_command_waits_for_a_service_that_writes_its_keys(tmp_path: Path) -> None:
    KeyStore(tmp_path / "keys.db", SECRETS, Clock()).close()
    other = sqlite3.connect(tmp_path / "keys.db", isolation_level=None, check_same_thread=False)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(sqlite3.OperationalError, match="locked"):
        KeyStore(tmp_path / "keys.db", SECRETS, Clock(), patience_s=0.01)
    done = threading.Timer(0.2, lambda: other.execute("COMMIT"))
    done.start()
    KeyStore(tmp_path / "keys.db", SECRETS, Clock(), patience_s=10.0).close()
    done.join()
    other.close()
    assert PATIENCE_S > 5
