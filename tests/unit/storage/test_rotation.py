"""The key-encryption key is changed while others read and write: every data key stays readable, none is lost, none comes back."""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest

from handlers import failpoints
from handlers.errors import KeyMissing
from handlers.model import new_uid
from storage.crypto import place, seal, unseal
from storage.data_keys import Keys
from storage.keystore import KeyStore
from storage.open import open_storage
from storage.postgres.connection import parameters
from storage.postgres.keystore import PostgresKeyStore
from storage.rotation import KEPT, NotEverywhere, prepare, retire, rewrap_all, rotate
from storage.secrets import KEK, SecretMalformed, kek_ids, load_secrets, new_kek
from tests.contract.builders import START, Clock, act, address
from tests.servers.postgres import drop_database, make_database

QUICK = {"sleep": lambda _: None}


@dataclass
class Place:
    """One machine's secrets and the key store that all share."""

    var: Path
    open: Callable[..., Keys]

    @property
    def folder(self) -> Path:
        return self.var / "secrets"


@pytest.fixture(params=["file", "postgres"])
def here(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    opened: list[Keys] = []
    if request.param == "postgres":
        server = request.getfixturevalue("postgres_server")
        given = parameters(make_database(server.url, "binhan_rotation"))

    def open_one(var: Path = tmp_path, **more: Any) -> Keys:
        secrets = load_secrets(var, needed=var != tmp_path)
        if request.param == "postgres":
            opened.append(PostgresKeyStore(given, secrets, Clock(), **more))
        else:
            opened.append(KeyStore(tmp_path / "keys.db", secrets, Clock(), **more))
        return opened[-1]

    load_secrets(tmp_path)
    yield Place(tmp_path, open_one)
    for each in opened:
        each.close()
    if request.param == "postgres":
        drop_database(server.url, "binhan_rotation")


def fill(keys: Keys, count: int = 5) -> dict[str, bytes]:
    """Owners, and for each something sealed under its key."""
    keys.add({uid: ("case", os.urandom(32)) for uid in (new_uid() for _ in range(count))})
    return {uid: seal(keys.get(uid), uid, uid.encode(), place("t", "c", uid, uid)) for uid in keys.owners()}


def reads(keys: Keys, sealed: dict[str, bytes]) -> bool:
    keys._cache.clear()
    return all(
        unseal(keys.get(uid), uid, one, place("t", "c", uid, uid)) == uid.encode() for uid, one in sealed.items()
    )


def test_after_a_rotation_everything_reads_and_nothing_is_under_the_old_one(here: Place) -> None:
    keys = here.open()
    sealed = fill(keys, 450)  # more than two steps
    done = rotate(here.folder, keys, **QUICK)
    assert (done.kek, done.keys, done.resumed) == ("kek_2", 450, False)
    assert keys.wrapped_under() == {"kek_2": 450}
    assert reads(keys, sealed)
    keys.add({new_uid(): ("case", os.urandom(32))})
    assert keys.wrapped_under() == {"kek_2": 451}
    assert reads(here.open(), sealed)
    assert here.open().opens()


def test_a_process_that_was_there_before_reads_and_writes_on(here: Place) -> None:
    before, other = here.open(), here.open()
    sealed = fill(before)
    rotate(here.folder, other, **QUICK)
    assert reads(before, sealed)
    rotate(here.folder, other, **QUICK)
    late = fill(before, 1)  # it may not have noticed yet: what it wraps must read all the same
    assert reads(other, sealed | late)
    assert kek_ids(here.folder) == ["kek_1", "kek_2", "kek_3"]


def test_what_a_slow_process_wraps_under_the_old_one_is_found(here: Place) -> None:
    slow, other = here.open(), here.open()
    slow.active()
    slow._active_until = float("inf")  # it does not look again

    def write(_: float) -> None:
        if len(other.owners()) < 3:
            slow.add({new_uid(): ("case", os.urandom(32))})

    rotate(here.folder, other, sleep=write)
    rewrap_all(other, lambda _: None)
    assert set(other.wrapped_under()) == {"kek_2"}
    assert reads(slow, {})


def test_a_key_destroyed_meanwhile_does_not_come_back(here: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    keys, other = here.open(), here.open()
    gone, kept = sorted(fill(keys, 2))
    plain = type(keys)._swap

    def destroy_first(self: Keys, rows: Any) -> None:
        other.destroy([gone])
        plain(self, rows)

    monkeypatch.setattr(type(keys), "_swap", destroy_first)
    rotate(here.folder, keys, **QUICK)
    assert (keys.owners(), keys.destroyed()) == ({kept}, {gone})


def test_an_interrupted_rotation_leaves_everything_readable_and_is_finished_by_the_next(here: Place) -> None:
    keys = here.open()
    sealed = fill(keys, 450)
    failpoints.arm("keys.rewrapping:raise:2")
    try:
        with pytest.raises(failpoints.Hit):
            rotate(here.folder, keys, **QUICK)
    finally:
        failpoints.arm("")
    assert keys.wrapped_under() == {"kek_1": 250, "kek_2": 200}
    assert reads(keys, sealed)
    done = rotate(here.folder, keys, **QUICK)
    assert (done.kek, done.keys, done.resumed) == ("kek_2", 250, True)
    assert reads(keys, sealed)


def test_two_at_once_agree(here: Place) -> None:
    sealed = fill(here.open(), 300)
    stores = [here.open() for _ in range(3)]
    threads = [threading.Thread(target=rotate, args=(here.folder, each)) for each in stores]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert here.open().opens()
    assert reads(here.open(), sealed)
    assert len(here.open().wrapped_under()) == 1


def test_a_missing_key_encryption_key_is_named(here: Place) -> None:
    keys = here.open()
    sealed = fill(keys)
    rotate(here.folder, keys, **QUICK)
    (here.folder / "kek_2").rename(here.var / "elsewhere")
    again = here.open()
    with pytest.raises(KeyMissing, match="secrets/kek_2 is missing"):
        reads(again, sealed)
    with pytest.raises(KeyMissing, match="second place"):
        again.require()


def test_a_spoilt_new_key_changes_nothing(here: Place) -> None:
    keys = here.open()
    sealed = fill(keys)
    prepare(here.folder, keys)
    (here.folder / "kek_2").chmod(0o600)
    (here.folder / "kek_2").write_bytes(b"short")
    (here.folder / "kek_2").chmod(0o400)
    with pytest.raises(SecretMalformed, match="kek_2"):
        rotate(here.folder, keys, **QUICK)
    assert keys.active(fresh=True) == KEK
    assert reads(keys, sealed)


def test_a_new_key_never_replaces_another(tmp_path: Path) -> None:
    load_secrets(tmp_path)
    folder = tmp_path / "secrets"
    made = {new_kek(folder, 3): None, new_kek(folder): None}
    assert list(made) == ["kek_4", "kek_5"]
    assert len({(folder / kek).read_bytes() for kek in kek_ids(folder)}) == 3
    assert sorted(path.name for path in folder.iterdir() if path.name.startswith(".")) == []


def test_old_files_go_when_no_kept_copy_needs_them(here: Place) -> None:
    keys = here.open()
    fill(keys)
    rotate(here.folder, keys, **QUICK)
    rotate(here.folder, keys, **QUICK)
    assert retire(here.folder, keys, START + timedelta(days=6)) == ([], dict.fromkeys(("kek_1", "kek_2"), START + KEPT))
    assert retire(here.folder, keys, START + KEPT) == (["kek_1", "kek_2"], {})
    assert kek_ids(here.folder) == ["kek_3"]
    assert here.open().opens()


def test_a_key_that_is_still_used_does_not_go(here: Place) -> None:
    keys, slow = here.open(), here.open()
    slow.active()
    slow._active_until = float("inf")
    rotate(here.folder, keys, **QUICK)
    fill(slow, 1)
    assert retire(here.folder, keys, START + 9 * KEPT) == ([], {})


def test_a_key_store_of_the_first_format_is_brought_along(tmp_path: Path) -> None:
    secrets = load_secrets(tmp_path)
    store = KeyStore(tmp_path / "keys.db", secrets, Clock())
    sealed = fill(store)
    store.close()
    with sqlite3.connect(tmp_path / "keys.db") as file:
        file.executescript("DROP TABLE keks; DROP INDEX ix_data_keys_kek; PRAGMA user_version=1")
    file.close()
    store = KeyStore(tmp_path / "keys.db", secrets, Clock())
    assert reads(store, sealed)
    assert store.begun_at() == {KEK: None}
    rotate(tmp_path / "secrets", store, **QUICK)
    assert reads(store, sealed)
    store.close()


def test_a_shared_key_store_of_the_first_format_is_brought_along(postgres_server: Any, tmp_path: Path) -> None:
    url = make_database(postgres_server.url, "binhan_rotation")
    secrets = load_secrets(tmp_path)
    store = PostgresKeyStore(parameters(url), secrets, Clock())
    sealed = fill(store)
    store.close()
    with psycopg.connect(url, autocommit=True) as there:
        there.execute("DROP TABLE keks, holders; DROP INDEX ix_data_keys_kek; UPDATE key_store SET format = 1")
    store = PostgresKeyStore(parameters(url), secrets, Clock())
    assert reads(store, sealed)
    rotate(tmp_path / "secrets", store, **QUICK)
    assert reads(store, sealed)
    store.close()
    drop_database(postgres_server.url, "binhan_rotation")


class TestSeveralMachines:
    """Each with secret files of its own, over one key store in PostgreSQL."""

    @pytest.fixture
    def machines(self, postgres_server: Any, tmp_path: Path) -> Iterator[tuple[Keys, Keys, Path, Path]]:
        given = parameters(make_database(postgres_server.url, "binhan_rotation"))
        first, second = tmp_path / "first", tmp_path / "second"
        load_secrets(first)
        (second / "secrets").mkdir(mode=0o700, parents=True)
        for path in (first / "secrets").iterdir():
            copy_file(path, second / "secrets" / path.name)
        stores = [PostgresKeyStore(given, load_secrets(var, needed=True), Clock()) for var in (first, second)]
        stores[1]._holder = "second, process 7"
        for each in stores:
            each.say_held()
        yield stores[0], stores[1], first / "secrets", second / "secrets"
        for each in stores:
            each.close()
        drop_database(postgres_server.url, "binhan_rotation")

    def test_nothing_changes_before_all_can_read_the_new_one(self, machines: tuple[Keys, Keys, Path, Path]) -> None:
        here, there, ours, theirs = machines
        sealed = fill(here)
        with pytest.raises(NotEverywhere, match="kek_2 is not readable for second, process 7"):
            rotate(ours, here, within_s=0, **QUICK)
        assert here.active(fresh=True) == KEK
        copy_file(ours / "kek_2", theirs / "kek_2")
        there.say_held()
        assert rotate(ours, here, within_s=0, **QUICK).kek == "kek_2"
        assert reads(there, sealed)

    def test_another_key_of_the_same_name_is_not_the_same(self, machines: tuple[Keys, Keys, Path, Path]) -> None:
        here, there, ours, theirs = machines
        prepare(ours, here)
        prepare(theirs, there)
        there.say_held()
        with pytest.raises(NotEverywhere):
            rotate(ours, here, within_s=0, **QUICK)


def copy_file(source: Path, target: Path) -> None:
    target.write_bytes(source.read_bytes())
    target.chmod(0o400)


async def test_a_start_without_a_key_in_use_is_refused(tmp_path: Path) -> None:
    storage = open_storage("", tmp_path)
    await act(storage.door, lambda uow: uow.contacts.open([address()]))
    rotate(tmp_path / "secrets", storage.keys, **QUICK)
    await storage.close()
    (tmp_path / "secrets" / "kek_2").unlink()
    with pytest.raises(KeyMissing, match="kek_2"):
        open_storage("", tmp_path)
