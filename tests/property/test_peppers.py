"""Never two contacts for one address, whatever several processes do while the lookup pepper changes and whoever knows of it."""

from __future__ import annotations

import secrets as chance
import sqlite3
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeVar

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from handlers.errors import KeyMissing
from handlers.model import Address
from storage import rehashing, schema
from storage.codes import ReturnCodes
from storage.contacts import NOWHERE
from storage.engine import connect
from storage.keyring import KeyRing
from storage.keystore import KeyStore
from storage.pepper_change import retire
from storage.peppers import Hashing, begun, current
from storage.prepared import Runner
from storage.rehashing import TABLES, Under, begin_pepper, rehash, under, void_codes
from storage.secrets import PEPPER, Keks, Peppers, Secrets, new_pepper, pepper_ids, write_secret
from storage.uow import SqlUnitOfWork

R = TypeVar("R")
START = datetime(2026, 3, 8, tzinfo=UTC)
ADDRESSES = [Address("telegram", f"id-{number}") for number in range(4)]
who = st.sampled_from(ADDRESSES)
process = st.integers(0, 2)


class Peppering(RuleBasedStateMachine):
    """Two processes on one machine and one on another, over one database. What each knows of the peppers is its own; a file comes
    to the other machine when somebody carries it there.
    """

    @initialize()
    def begin(self) -> None:
        self.folders = [Path(self._folder()) for _ in range(2)]
        write_secret(self.folders[0] / PEPPER, chance.token_bytes(32))
        self.carry()
        self.held = [Peppers(folder, {}) for folder in (self.folders[0], self.folders[0], self.folders[1])]
        for held in self.held:
            held.learn()
        self.connection = connect(None)
        schema.create(self.connection)
        keks = Keks(None, {"kek_1": chance.token_bytes(32)})
        self.keys = KeyStore(None, Secrets(keks, self.held[0], b"", b""), lambda: START)
        self.now = START
        self.there: dict[Address, str] = {}  # who is to be found
        self.codes: dict[str, tuple[str, str]] = {}  # code: whose, and under which pepper it was given
        self.write(0, ADDRESSES[:2])
        self.give_code(0, ADDRESSES[0])

    def _folder(self) -> str:
        self._kept = [*getattr(self, "_kept", []), TemporaryDirectory()]
        return self._kept[-1].name

    def teardown(self) -> None:
        if hasattr(self, "connection"):
            self.connection.close()
            self.keys.close()
        for folder in getattr(self, "_kept", []):
            folder.cleanup()

    def do(self, number: int, work: Callable[[SqlUnitOfWork], R]) -> R:
        """One unit of work of this process, all or nothing."""
        self.connection.execute("BEGIN IMMEDIATE")
        try:
            uow = SqlUnitOfWork(Runner(self.connection), KeyRing(self.keys), self.held[number], self.now)
            result = work(uow)
            uow.finish()
            self.connection.execute("COMMIT")
        except BaseException:
            self.connection.execute("ROLLBACK")
            raise
        return result

    def knows(self, number: int) -> bool:
        """Can this process read the pepper that makes new hashes?"""
        return current(Runner(self.connection)) in {*self.held[number].names(), *self.held[number].ids()}

    # --- what people do -----------------------------------------------------------------------------------------------

    @rule(number=process, addresses=st.lists(who, min_size=1, max_size=3))
    def write(self, number: int, addresses: list[Address]) -> None:
        try:
            found = self.do(number, lambda uow: uow.contacts.open(addresses))
        except KeyMissing:
            assert not self.knows(number)
            return
        for where, contact in zip(addresses, found, strict=True):
            assert self.there.setdefault(where, contact.uid) == contact.uid

    @rule(number=process, where=who)
    def look(self, number: int, where: Address) -> None:
        try:
            found = self.do(number, lambda uow: uow.contacts.find(where))
        except KeyMissing:
            assert not self.knows(number)
            return
        assert (found.uid if found is not None else None) == self.there.get(where)

    @rule(number=process, where=who)
    def leave(self, number: int, where: Address) -> None:
        if where in self.there and self.knows(number):
            fresh = self.do(number, lambda uow: uow.contacts.renew(self.there[where]))
            assert fresh is not None
            assert fresh.uid != self.there[where]
            self.there[where] = fresh.uid

    @rule(number=process, where=who)
    def hide(self, number: int, where: Address) -> None:
        if where in self.there:
            uid = self.there[where]
            self.do(number, lambda uow: uow.contacts.save(replace(uow.contacts.get(uid), hidden_at=self.now)))
            if self.knows(number):
                self.there[where] = self.do(number, lambda uow: uow.contacts.open([where])[0].uid)
                assert self.there[where] != uid
            else:
                self.forget(0, where)

    @rule(number=process, where=who)
    def erase(self, number: int, where: Address) -> None:
        if where in self.there:
            self.forget(number, where)

    def forget(self, number: int, where: Address) -> None:
        """She and her codes go."""
        uid = self.there.pop(where)
        self.do(number, lambda uow: uow.contacts.forget(uid))
        self.codes = {code: of for code, of in self.codes.items() if of[0] != uid}

    @rule(number=process, where=who)
    def give_code(self, number: int, where: Address) -> None:
        if where in self.there and self.knows(number):
            uid, code = self.there[where], chance.token_hex(6)
            self.do(number, lambda uow: uow.codes.save(code, uid))
            self.codes = {old: of for old, of in self.codes.items() if of[0] != uid}
            self.codes[code] = (uid, current(Runner(self.connection)))

    @rule(number=process, where=who)
    def come_back(self, number: int, where: Address) -> None:
        """Whoever knows a code leads her talk to another address; the code stays one of the pepper it was given under."""
        if not self.codes or not self.knows(number):
            return
        code, (uid, pepper) = next(iter(self.codes.items()))
        if self.there.get(where) == uid:
            return

        def work(uow: SqlUnitOfWork) -> str:
            (here,) = uow.contacts.open([where])
            assert uow.codes.redeem(code) == uid
            uow.contacts.forget(uid)
            uow.codes.save(code, here.uid)
            return here.uid

        fresh = self.do(number, work)
        assert self.there.setdefault(where, fresh) == fresh
        self.there = {other: known for other, known in self.there.items() if known != uid}
        self.codes = {old: of for old, of in self.codes.items() if of[0] not in (uid, fresh)} | {code: (fresh, pepper)}

    # --- what an admin does -------------------------------------------------------------------------------------------

    @rule()
    def prepare(self) -> None:
        if len(pepper_ids(self.folders[0])) < 4:
            new_pepper(self.folders[0])

    @rule()
    def carry(self) -> None:
        for name in pepper_ids(self.folders[0]):
            if not (self.folders[1] / name).exists():
                write_secret(self.folders[1] / name, (self.folders[0] / name).read_bytes())

    @rule()
    def start(self) -> None:
        newest = pepper_ids(self.folders[0])[-1]
        self.do(0, lambda uow: begin_pepper(uow, [newest]))

    @rule()
    def change(self) -> None:
        self.prepare()
        self.start()

    @rule(after=st.sampled_from([0, 0, 2, 4]))
    def step(self, after: int) -> None:
        self.do(0, lambda uow: rehash(uow, [(table, after) for table in TABLES]))

    @rule(number=process)
    def start_anew(self, number: int) -> None:
        self.held[number] = Peppers(self.held[number].folder, {})
        self.held[number].learn()

    @rule(days=st.sampled_from([0, 8]))
    def take_away(self, days: int) -> None:
        self.now += timedelta(days=days)
        runner = Runner(self.connection)
        gone = retire(self.folders[0], begun(runner), under(runner, self.now), self.now).gone
        for name in gone:
            (self.folders[1] / name).unlink(missing_ok=True)

    @rule()
    def void(self) -> None:
        self.do(0, lambda uow: void_codes(uow, [None]))
        pepper = current(Runner(self.connection))
        self.codes = {code: of for code, of in self.codes.items() if of[1] == pepper}

    # --- what always holds --------------------------------------------------------------------------------------------

    @invariant()
    def everybody_is_there_once(self) -> None:
        rows = self.connection.execute("SELECT uid, address_sealed, lookup FROM contacts").fetchall()
        ring = KeyRing(self.keys)
        leads = [
            (ring.unseal("contacts", "address", uid, uid, sealed).decode(), uid)
            for uid, sealed, lookup in rows
            if not lookup.startswith(NOWHERE)
        ]
        assert sorted(leads) == sorted((where.platform_id, uid) for where, uid in self.there.items())

    @invariant()
    def every_code_leads_where_it_should(self) -> None:
        for code, (uid, _) in self.codes.items():
            assert self.do(0, lambda uow, code=code: uow.codes.redeem(code)) == uid
        kept = self.connection.execute("SELECT contact_uid, pepper FROM return_codes").fetchall()
        assert sorted(kept) == sorted(self.codes.values())


COMMON: dict[str, Any] = {"deadline": None, "database": None, "suppress_health_check": list(HealthCheck)}

TestPeppering = Peppering.TestCase
TestPeppering.settings = settings(max_examples=60, stateful_step_count=30, **COMMON)


def believes_a_look_that_finds_nothing(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Hashing, "look", lambda self, query: query())


def hashes_with_the_newest_it_knows(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Hashing, "settle", lambda self: self.names[0])


def looks_with_the_newest_alone(patch: pytest.MonkeyPatch) -> None:
    plain = Peppers.names
    patch.setattr(Peppers, "names", lambda self: plain(self)[:1])


def leads_back_whoever_left(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(rehashing, "NOWHERE", "nobody's")


def takes_a_pepper_away_that_still_finds(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Under, "anything", False)


def a_code_that_was_found_is_hashed_anew(patch: pytest.MonkeyPatch) -> None:
    plain = ReturnCodes.redeem

    def forgetful(self: ReturnCodes, code: str) -> str | None:
        found = plain(self, code)
        self._found.clear()
        return found

    patch.setattr(ReturnCodes, "redeem", forgetful)


BUGS = (
    believes_a_look_that_finds_nothing,
    hashes_with_the_newest_it_knows,
    looks_with_the_newest_alone,
    leads_back_whoever_left,
    takes_a_pepper_away_that_still_finds,
    a_code_that_was_found_is_hashed_anew,
)


@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: bug.__name__)
def test_every_planted_bug_is_found(bug: Callable[[pytest.MonkeyPatch], None], monkeypatch: pytest.MonkeyPatch) -> None:
    bug(monkeypatch)
    found = settings(max_examples=600, stateful_step_count=30, derandomize=True, phases=[Phase.generate], **COMMON)
    with pytest.raises((AssertionError, ExceptionGroup, sqlite3.IntegrityError, KeyMissing)):
        run_state_machine_as_test(Peppering, settings=found)
    print("figure: planted bug found: " + bug.__name__)
