"""The door to PostgreSQL: one failure for one, a plain answer when nothing can be stored, and nothing lost when it comes back."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest

from handlers import failpoints
from handlers.errors import StorageUnavailable
from handlers.ports import UnitOfWork
from storage import locks
from storage.open import Storage, open_storage
from storage.postgres import door as door_module
from storage.postgres import readers
from storage.postgres.connection import SESSION, connect, in_words, parameters
from storage.postgres.door import PostgresDoor
from tests.contract.builders import act, address, case_of
from tests.servers.fixtures import no_server
from tests.servers.postgres import PostgresServer, make_database
from tests.servers.process import Missing

_LEASE = timedelta(seconds=30)


class Counting:
    """An operation that writes one setting per item and remembers in what company it was called."""

    failpoint = "accept"

    def __init__(self) -> None:
        self.calls: list[list[str]] = []

    def __call__(self, uow: UnitOfWork, items: Sequence[str]) -> list[str]:
        self.calls.append(list(items))
        for item in items:
            if item.startswith("bad"):
                raise ValueError(item)
            uow.set_setting(item, item)
            uow.ring(item)
        return [item.upper() for item in items]


@pytest.fixture
async def storage(empty_postgres: str, tmp_path: Path) -> AsyncIterator[Storage]:
    opened = open_storage(empty_postgres, tmp_path)
    yield opened
    await opened.close()


@pytest.fixture(autouse=True)
def _disarmed() -> Iterator[None]:
    yield
    failpoints.arm("")


async def stored(storage: Storage, names: Sequence[str]) -> list[str | None]:
    return await storage.door.read(lambda uow: [uow.get_setting(name) for name in names])


@contextmanager
def backend(url: str) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(url, autocommit=True) as connection:
        yield connection


def end_everybody(url: str) -> int:
    """The server throws every connection of the program out, as a restart does."""
    with backend(url) as connection:
        gone = connection.execute(
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
            " WHERE application_name LIKE 'binhan%' AND datname = current_database()"
        ).fetchone()
    assert gone is not None
    return int(gone[0])


# --- commits ---------------------------------------------------------------------------------


async def test_what_is_handed_in_at_once_is_one_commit_and_one_failure_is_for_one(storage: Storage) -> None:
    counting = Counting()
    items = ["a", "bad", "b", "c"]
    answers = await asyncio.gather(*(storage.door.run(counting, item) for item in items), return_exceptions=True)
    assert [answer for answer in answers if isinstance(answer, str)] == ["A", "B", "C"]
    assert isinstance(answers[1], ValueError)
    assert counting.calls == [items, ["a"], ["bad"], ["b"], ["c"]]
    assert await stored(storage, items) == ["a", None, "b", "c"]
    assert await storage.wakeups.wait("a", 0.5)
    assert not await storage.wakeups.wait("bad", 0.01)


async def test_the_database_refusing_one_item_does_not_touch_the_others(storage: Storage) -> None:
    (contact,) = await act(storage.door, lambda uow: uow.contacts.open([address()]))

    def add_case(uow: UnitOfWork, codes: Sequence[str]) -> list[str]:
        for code in codes:
            uow.cases.add(case_of(contact, code))
        return list(codes)

    answers = await asyncio.gather(*(storage.door.run(add_case, code) for code in "ABAC"), return_exceptions=True)
    assert [answer for answer in answers if isinstance(answer, str)] == ["A", "B", "C"]
    assert isinstance(answers[2], psycopg.errors.UniqueViolation)
    assert len(await storage.door.read(lambda uow: uow.cases.all_of(contact.uid))) == 3


async def test_too_few_results_are_an_error_and_nothing_is_stored(storage: Storage) -> None:
    def forgetful(uow: UnitOfWork, items: Sequence[str]) -> list[str]:
        uow.set_setting("x", "1")
        return []

    with pytest.raises(RuntimeError, match="0 results for 1 items"):
        await storage.door.run(forgetful, "x")
    assert await stored(storage, ["x"]) == [None]


async def test_a_look_that_writes_nothing_leaves_no_trace_in_the_log(storage: Storage, empty_postgres: str) -> None:
    await act(storage.door, lambda uow: uow.contacts.open([address()]))

    with backend(empty_postgres) as connection:
        before = connection.execute("SELECT pg_current_wal_flush_lsn()").fetchone()
        for _ in range(5):
            await act(storage.door, lambda uow: uow.contacts.ready(5))
            await storage.door.run(lambda uow, items: [uow.outbox.claim(5, _LEASE, frozenset()) for _ in items], None)
        after = connection.execute("SELECT pg_current_wal_flush_lsn()").fetchone()
    assert before == after


async def test_a_read_cannot_write(storage: Storage) -> None:
    with pytest.raises(RuntimeError, match="must not write"):
        await storage.door.read(lambda uow: uow.set_setting("x", "1"))
    assert await stored(storage, ["x"]) == [None]


async def test_a_read_does_not_wait_for_a_writer(storage: Storage) -> None:
    (contact,) = await act(storage.door, lambda uow: uow.contacts.open([address()]))
    started, free = threading.Event(), threading.Event()

    def hold(uow: UnitOfWork, items: Sequence[None]) -> list[None]:
        uow.contacts.get(contact.uid)
        started.set()
        free.wait(10)
        return list(items)

    holding = asyncio.create_task(storage.door.run(hold, None))
    await asyncio.to_thread(started.wait, 10)
    assert await asyncio.wait_for(storage.door.read(lambda uow: uow.contacts.get(contact.uid)), 5) == contact
    free.set()
    await holding


async def test_a_naive_time_and_the_character_nul_do_no_harm(storage: Storage) -> None:
    await act(storage.door, lambda uow: uow.set_setting("x\x00y", "a\x00b"))
    assert await stored(storage, ["x\x00y"]) == ["a\ufffdb"]


async def test_time_is_the_databases_and_aware(storage: Storage, empty_postgres: str) -> None:
    with backend(empty_postgres) as connection:
        before = connection.execute("SELECT clock_timestamp()").fetchone()
        now = await act(storage.door, lambda uow: uow.now)
        after = connection.execute("SELECT clock_timestamp()").fetchone()
    assert before is not None
    assert after is not None
    assert before[0] < now < after[0]


# --- failpoints ---------------------------------------------------------------------------------


async def test_before_the_commit_nothing_is_stored_after_it_everything(storage: Storage) -> None:
    counting = Counting()
    failpoints.arm("accept.before_commit:raise")
    with pytest.raises(failpoints.Hit, match=r"accept\.before_commit"):
        await storage.door.run(counting, "x")
    failpoints.arm("accept.after_commit:raise")
    with pytest.raises(failpoints.Hit, match=r"accept\.after_commit"):
        await storage.door.run(counting, "y")
    assert await stored(storage, ["x", "y"]) == [None, "y"]
    assert len(counting.calls) == 2  # what is committed is never replayed


async def test_keys_are_durable_before_the_rows_that_need_them(storage: Storage) -> None:
    failpoints.arm("keys.after_commit:raise")
    with pytest.raises(failpoints.Hit):
        await act(storage.door, lambda uow: uow.contacts.open([address()]))
    assert len(storage.keys.owners()) == 1  # an orphan, harmless
    assert await storage.door.read(lambda uow: uow.contacts.find(address())) is None


# --- locks ---------------------------------------------------------------------------------


async def test_a_lock_delays_only_its_own_lane_and_is_said_when_it_lasts(storage: Storage, empty_postgres: str) -> None:
    one, two = await act(storage.door, lambda uow: uow.contacts.open([address(1), address(2)]))

    def quieten(uow: UnitOfWork, uids: Sequence[str]) -> list[str]:
        for uid in uids:
            contact = uow.contacts.get(uid)
            uow.contacts.save(type(contact)(**{**_fields(contact), "quiet": True}))
        return list(uids)

    with psycopg.connect(empty_postgres) as other:
        other.execute("SELECT 1 FROM contacts WHERE uid = %s FOR UPDATE", (one.uid,))
        began = time.monotonic()
        blocked = asyncio.create_task(storage.door.run(quieten, one.uid))
        assert await storage.door.run(quieten, two.uid) == two.uid
        assert time.monotonic() - began < 1.0
        with pytest.raises(StorageUnavailable, match="locked"):
            await blocked
        other.rollback()
    assert await storage.door.run(quieten, one.uid) == one.uid
    assert (await storage.door.read(lambda uow: uow.contacts.get(one.uid))).quiet


def _fields(contact: Any) -> dict[str, Any]:
    return {name: getattr(contact, name) for name in type(contact).__dataclass_fields__}


async def test_two_who_lock_crosswise_both_get_through(storage: Storage, tmp_path: Path, empty_postgres: str) -> None:
    beside = open_storage(empty_postgres, tmp_path)
    uids = [one.uid for one in await act(storage.door, lambda uow: uow.contacts.open([address(1), address(2)]))]
    both = threading.Barrier(2, timeout=5)
    met: list[str] = []

    def cross(uow: UnitOfWork, pairs: Sequence[Sequence[str]]) -> list[int]:
        for first, second in pairs:
            uow.contacts.get(first)
            if first not in met:
                met.append(first)
                both.wait()
            contact = uow.contacts.get(second)
            uow.contacts.save(type(contact)(**{**_fields(contact), "inbound_count": contact.inbound_count + 1}))
        return [1 for _ in pairs]

    done = await asyncio.gather(storage.door.run(cross, uids), beside.door.run(cross, uids[::-1]))
    assert done == [1, 1]
    counts = [(await storage.door.read(lambda uow, uid=uid: uow.contacts.get(uid))).inbound_count for uid in uids]
    assert counts == [1, 1]
    await beside.close()


# --- a database that goes away ---------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def mortal() -> Iterator[PostgresServer]:
    """A server of one's own, to be stopped and frozen."""
    try:
        server = PostgresServer(hasty=True)
    except Missing as missing:
        no_server(missing)
        raise
    yield server
    server.close()


@pytest.fixture
async def on_mortal(mortal: PostgresServer, tmp_path: Path) -> AsyncIterator[Storage]:
    opened = open_storage(make_database(mortal.url, "binhan"), tmp_path)
    yield opened
    await opened.close()


async def test_connections_that_were_cut_are_replaced_without_anybody_noticing(
    storage: Storage, empty_postgres: str
) -> None:
    counting = Counting()
    await storage.door.run(counting, "a")
    assert await stored(storage, ["a"]) == ["a"]
    for number in range(5):
        assert end_everybody(empty_postgres) > 0
        assert await storage.door.run(counting, f"s{number}") == f"S{number}"
        assert await stored(storage, [f"s{number}"]) == [f"s{number}"]


async def test_a_stopped_database_is_said_at_once_and_everything_goes_on_when_it_is_back(
    on_mortal: Storage, mortal: PostgresServer
) -> None:
    counting = Counting()
    await on_mortal.door.run(counting, "before")
    mortal.stop()
    began = time.monotonic()
    answers = await asyncio.gather(*(on_mortal.door.run(counting, f"s{n}") for n in range(5)), return_exceptions=True)
    with pytest.raises(StorageUnavailable):
        await stored(on_mortal, ["before"])
    assert time.monotonic() - began < 1.5 + 1.0  # slack for a busy machine
    assert [type(answer) for answer in answers] == [StorageUnavailable] * 5
    mortal.start()
    assert await on_mortal.door.run(counting, "after") == "AFTER"
    assert await stored(on_mortal, ["before", "after", "s0"]) == ["before", "after", None]


async def test_a_killed_database_recovers_and_nothing_committed_is_lost(
    on_mortal: Storage, mortal: PostgresServer
) -> None:
    counting = Counting()
    kept = [f"s{number}" for number in range(50)]
    await asyncio.gather(*(on_mortal.door.run(counting, name) for name in kept))
    mortal.kill()
    with pytest.raises(StorageUnavailable):
        await on_mortal.door.run(counting, "lost")
    mortal.start()
    assert await stored(on_mortal, kept) == kept


async def test_a_frozen_database_is_said_within_the_platforms_patience(
    on_mortal: Storage, mortal: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(readers, "READ_WITHIN_S", 0.5)
    counting = Counting()
    await asyncio.gather(*(on_mortal.door.run(counting, f"warm{n}") for n in range(9)))
    await stored(on_mortal, ["warm0"])
    mortal.freeze()
    try:
        began = time.monotonic()
        answers = await asyncio.gather(
            on_mortal.door.run(counting, "x"), stored(on_mortal, ["x"]), return_exceptions=True
        )
        assert [type(answer) for answer in answers] == [StorageUnavailable] * 2
        assert time.monotonic() - began < 1.8 + 1.0
    finally:
        mortal.thaw()
    end = time.monotonic() + 10
    while True:
        try:
            assert await on_mortal.door.run(counting, "y") == "Y"
            break
        except StorageUnavailable:
            assert time.monotonic() < end
            await asyncio.sleep(0.1)


async def test_closing_finishes_what_is_queued_and_then_refuses(empty_postgres: str, tmp_path: Path) -> None:
    storage = open_storage(empty_postgres, tmp_path)
    counting = Counting()
    tasks = [asyncio.create_task(storage.door.run(counting, f"s{n}")) for n in range(3)]
    await asyncio.sleep(0)
    await storage.close()
    assert await asyncio.gather(*tasks) == ["S0", "S1", "S2"]
    await storage.close()
    with pytest.raises(StorageUnavailable, match="closed"):
        await storage.door.run(counting, "s")
    with pytest.raises(StorageUnavailable, match="closed"):
        await stored(storage, ["s0"])


# --- settings ---------------------------------------------------------------------------------


def test_every_connection_has_the_settings_that_matter(migrated_postgres: str) -> None:
    connection = connect(parameters(migrated_postgres, name="binhan test"))
    names = [*SESSION, "application_name"]
    found = {name: connection.execute("SELECT current_setting($1)", (name,)).fetchone()[0] for name in names}  # type: ignore[index]
    connection.close()
    assert found == {**SESSION, "application_name": "binhan test"}
    assert SESSION["synchronous_commit"] == "on"


def test_an_address_is_said_without_what_may_be_secret() -> None:
    shown = in_words("postgresql://somebody:secret@db.example:5433/hotline?sslmode=require")
    assert shown == "postgresql://db.example:5433/hotline"


async def test_a_wrong_address_is_one_plain_error(tmp_path: Path) -> None:
    with pytest.raises(StorageUnavailable, match="no connection"):
        open_storage("postgresql://nobody@127.0.0.1:1/none", tmp_path)


def test_the_door_is_the_one_for_postgresql(storage: Storage) -> None:
    assert isinstance(storage.door, PostgresDoor)
    assert storage.shared


async def test_a_case_that_changes_hands_between_look_and_lock_is_found_again(
    storage: Storage, empty_postgres: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A return code moves the case in the very moment in which somebody looks whose it is."""
    one, other = await act(storage.door, lambda uow: uow.contacts.open([address(1), address(2)]))
    case = case_of(one)
    await act(storage.door, lambda uow: uow.cases.add(case))
    honest, moved = locks.Locks.contact_of_case, []

    def then_it_moves(self: locks.Locks, uid: str) -> None:
        honest(self, uid)
        if not moved:
            moved.append(uid)
            with backend(empty_postgres) as connection:
                connection.execute("UPDATE cases SET contact_uid = %s", (other.uid,))

    monkeypatch.setattr(locks.Locks, "contact_of_case", then_it_moves)
    found = await act(storage.door, lambda uow: (uow.cases.get(case.uid), uow.locks.has(other.uid)))  # type: ignore[attr-defined]
    assert (found[0].contact_uid, found[1]) == (other.uid, True)
    assert moved == [case.uid]


async def test_where_everything_is_slow_the_rows_of_the_dead_are_still_taken_over(storage: Storage) -> None:
    door = storage.door
    assert isinstance(door, PostgresDoor)
    door._note_time(5.0)
    lately = door._troubled_at
    assert time.monotonic() - lately < 1
    assert await act(door, lambda uow: uow.expired_before < uow.now)  # type: ignore[attr-defined]
    door._note_time(5.0)
    assert door._troubled_at == lately
    door._troubled_at -= door_module.TROUBLE_LASTS_S
    assert await act(door, lambda uow: uow.expired_before == uow.now)  # type: ignore[attr-defined]
