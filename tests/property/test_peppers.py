"""Never two contacts for one address, whatever several processes do while the lookup pepper changes and whoever knows of it."""

from __future__ import annotations

import secrets as chance
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeVar

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from handlers.errors import KeyMissing
from handlers.model import Address
from storage import schema
from storage.contacts import NOWHERE
from storage.engine import connect
from storage.keyring import KeyRing
from storage.keystore import KeyStore
from storage.pepper_change import retire
from storage.peppers import begun, current
from storage.prepared import Runner
from storage.rehashing import TABLES, begin_pepper, rehash, under, void_codes
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
                self.do(0, lambda uow: uow.contacts.forget(uid))
                del self.there[where]

    @rule(number=process, where=who)
    def erase(self, number: int, where: Address) -> None:
        if where in self.there:
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

    @rule(table=st.sampled_from(TABLES), after=st.integers(0, 3))
    def step(self, table: str, after: int) -> None:
        self.do(0, lambda uow: rehash(uow, [(table, after)]))

    @rule(number=process)
    def start_anew(self, number: int) -> None:
        self.held[number] = Peppers(self.held[number].folder, {})
        self.held[number].learn()

    @rule(days=st.integers(0, 9))
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


TestPeppering = Peppering.TestCase
TestPeppering.settings = settings(
    max_examples=60, stateful_step_count=30, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
