"""The lookup pepper is changed while others read and write: everybody stays found, nobody is made twice, codes go on working."""

from __future__ import annotations

import asyncio
import secrets as chance
import threading
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import bindparam, update

from handlers import accounts, failpoints
from handlers.accounts import Bind, OfferCode
from handlers.errors import KeyMissing
from handlers.model import Address, Contact
from handlers.ports import UnitOfWork
from storage import pepper_change
from storage.backup import backup
from storage.crypto import lookup_of
from storage.drill import drill
from storage.installation import Installation
from storage.open import Storage, open_storage
from storage.pepper_change import change, prepare, retire
from storage.peppers import Hashing, begun, current
from storage.rehashing import Under, begin_pepper, rehash, under, void_codes
from storage.restore import restore
from storage.rotation import KEPT, NotEverywhere
from storage.secrets import PEPPER, new_pepper, pepper_ids
from storage.tables import contacts
from tests.contract.builders import START, Clock, act, address, staff
from tests.contract.houses import KINDS, Houses, live, opened, problems

SEVERAL_WRITE = pytest.mark.parametrize("houses", KINDS[1:], indirect=True)
SEVERAL_MACHINES = pytest.mark.parametrize("houses", KINDS[2:], indirect=True)
TWO = "lookup_pepper_2"
PHONE = Address("zb", "a-platform-id-77")
CODE = "0123 4567 8901".replace(" ", "")


async def no_sleep(_: float) -> None:
    await asyncio.sleep(0)


def new(storage: Storage) -> str:
    """One more pepper where this storage has its secrets."""
    held = storage.secrets.peppers
    if held.folder is not None:
        return new_pepper(held.folder)
    name = f"lookup_pepper_{len(held._held) + 1}"
    held._held = {**held._held, name: chance.token_bytes(32)}
    return name


async def begin(storage: Storage) -> str:
    name = new(storage)
    await storage.door.run(begin_pepper, name)  # type: ignore[arg-type]
    return name


async def go_over(storage: Storage) -> int:
    """Hash everything anew; how many rows."""
    moved, left = await pepper_change.rehash_all(storage.door, no_sleep)
    assert left == 0
    return sum(moved.values())


async def open_at(storage: Storage, *addresses: Address) -> list[Contact]:
    return await act(storage.door, lambda uow: uow.contacts.open(addresses))


async def found_at(storage: Storage, where: Address) -> Contact | None:
    return await storage.door.read(lambda uow: uow.contacts.find(where))


async def rows(storage: Storage, query: str) -> list[Any]:
    def look(uow: Any) -> list[Any]:
        connection = uow._runner._connection
        return [tuple(row) for row in connection.execute(query).fetchall()]

    return await storage.door.read(look)


async def used(storage: Storage) -> dict[str, Under]:
    return await storage.door.read(lambda uow: under(uow, START))  # type: ignore[arg-type]


async def test_who_wrote_before_is_found_at_every_moment_and_never_made_twice(storage: Storage) -> None:
    (before,) = await open_at(storage, address(1))
    name = await begin(storage)
    again, after = await open_at(storage, address(1), address(2))
    assert again == before
    assert await found_at(storage, address(1)) == before
    assert (await used(storage)) == {PEPPER: Under(contacts=1), name: Under(contacts=1)}
    assert await go_over(storage) == 1
    assert (await used(storage)) == {name: Under(contacts=2)}
    assert await open_at(storage, address(2), address(1)) == [after, before]
    assert await found_at(storage, address(1)) == before
    assert await found_at(storage, address(3)) is None
    assert await go_over(storage) == 0


async def test_many_steps_and_a_pepper_after_the_next(storage: Storage) -> None:
    everybody = [address(number) for number in range(130)]  # more than two steps
    before = await open_at(storage, *everybody)
    await begin(storage)
    await storage.door.run(rehash, ("contacts", 0))  # type: ignore[arg-type]
    three = await begin(storage)  # the change to the second one was never finished
    assert len(await used(storage)) == 2
    assert await open_at(storage, *everybody) == before
    assert await go_over(storage) == 130
    assert (await used(storage)) == {three: Under(contacts=130)}
    assert await open_at(storage, *everybody) == before


async def test_whoever_left_or_erased_is_not_led_back_by_it(storage: Storage) -> None:
    (left,) = await open_at(storage, address(1))
    fresh = await act(storage.door, lambda uow: uow.contacts.renew(left.uid))
    assert fresh is not None
    await begin(storage)
    assert await go_over(storage) == 2
    assert await found_at(storage, address(1)) == fresh
    assert await open_at(storage, address(1)) == [fresh]
    later = await act(storage.door, lambda uow: uow.contacts.renew(fresh.uid))
    assert later is not None
    assert later.uid not in (left.uid, fresh.uid)
    assert await found_at(storage, address(1)) == later
    assert await act(storage.door, lambda uow: uow.contacts.renew(left.uid)) is None, "it leads to somebody else by now"
    assert await found_at(storage, address(1)) == later


async def employed(storage: Storage, *names: str) -> None:
    people = [staff(name) for name in names]
    await act(storage.door, lambda uow: [uow.staff.save(one) for one in people])


async def bound_by(storage: Storage, name: str, code: str = "", where: Address = PHONE) -> str | None:
    code = code or await offered(storage, name)
    found = await storage.door.run(accounts.bind, Bind(address=where, code=code))
    return found.name if found is not None else None


async def offered(storage: Storage, name: str) -> str:
    return (await storage.door.run(accounts.offer_code, OfferCode(name=name))).replace(" ", "")


async def whose(storage: Storage, where: Address = PHONE) -> str | None:
    found = await storage.door.read(lambda uow: accounts.whose(uow, where))
    return found.name if found is not None else None


async def test_accounts_of_staff_are_found_under_both(storage: Storage) -> None:
    await employed(storage, "mai", "an")
    assert await bound_by(storage, "mai") == "mai"
    waiting = await offered(storage, "an")
    name = await begin(storage)
    assert await whose(storage) == "mai"
    await go_over(storage)
    assert (await used(storage))[name] == Under(accounts=1)
    assert await whose(storage) == "mai"
    assert await bound_by(storage, "an", waiting) == "an", "a code from before the change works"
    assert await whose(storage) == "an", "another person takes the account over"
    assert [row[0] for row in await rows(storage, "SELECT count(*) FROM accounts")] == [1]


async def test_another_person_takes_over_an_account_that_is_under_the_older_one(storage: Storage) -> None:
    await employed(storage, "mai", "an")
    await bound_by(storage, "mai")
    await begin(storage)
    assert await bound_by(storage, "an") == "an"
    assert await whose(storage) == "an"
    assert [row[0] for row in await rows(storage, "SELECT count(*) FROM accounts")] == [1]


async def redeemed(storage: Storage, code: str = CODE) -> str | None:
    return await act(storage.door, lambda uow: uow.codes.redeem(code))


async def test_codes_from_before_work_until_they_are_made_void(storage: Storage, clock: Clock) -> None:
    await employed(storage, "mai")
    mai = await act(storage.door, lambda uow: uow.staff.by_name("mai"))
    assert mai is not None
    (contact,) = await open_at(storage, address(1))

    def give(uow: UnitOfWork) -> None:
        uow.codes.save(CODE, contact.uid)
        uow.factors.add_codes(mai.uid, ["one", "two", "three"], "mai")
        uow.factors.add_codes(mai.uid, ["spoken"], "an", START - timedelta(minutes=1))  # run out

    await act(storage.door, give)
    unspent = await offered(storage, "mai")
    name = await begin(storage)
    await go_over(storage)
    assert (await used(storage))[PEPPER] == Under(return_codes=1, spare_codes=3, bind_codes=1)
    assert await redeemed(storage) == contact.uid
    assert await act(storage.door, lambda uow: uow.factors.spend_code(mai.uid, "one"))
    assert not await act(storage.door, lambda uow: uow.factors.spend_code(mai.uid, "one")), "it works once"
    await act(storage.door, lambda uow: uow.factors.add_codes(mai.uid, ["four"], "mai"))
    gone, whose_codes = await storage.door.run(void_codes, None)  # type: ignore[arg-type]
    assert (gone.return_codes, gone.spare_codes, gone.bind_codes, whose_codes) == (1, 2, 1, ["mai"])
    assert await redeemed(storage) is None
    assert await bound_by(storage, "mai", unspent) is None
    assert not await act(storage.door, lambda uow: uow.factors.spend_code(mai.uid, "two"))
    assert await act(storage.door, lambda uow: uow.factors.spend_code(mai.uid, "four")), "that one is of the new pepper"
    assert PEPPER not in await used(storage)
    assert (await used(storage))[name] == Under(contacts=1)


async def test_a_code_that_was_used_on_the_way_stays_one_of_the_older_pepper(storage: Storage) -> None:
    """Whoever guessed it knows it still: making the old codes void must reach it."""
    old, fresh = await open_at(storage, address(1), address(2))
    await act(storage.door, lambda uow: uow.codes.save(CODE, old.uid))
    await begin(storage)

    def come_back(uow: UnitOfWork) -> None:
        assert uow.codes.redeem(CODE) == old.uid
        uow.contacts.forget(old.uid)
        uow.codes.save(CODE, fresh.uid)

    await act(storage.door, come_back)
    assert await redeemed(storage) == fresh.uid
    await storage.door.run(void_codes, None)  # type: ignore[arg-type]
    assert await redeemed(storage) is None


async def test_erasing_leaves_nothing_under_either(storage: Storage) -> None:
    (contact, other) = await open_at(storage, address(1), address(2))
    await act(storage.door, lambda uow: uow.codes.save(CODE, contact.uid))
    await begin(storage)
    hashes = await act(storage.door, lambda uow: uow.peppers.lookups(address(1)))  # type: ignore[attr-defined]
    await act(storage.door, lambda uow: uow.contacts.forget(contact.uid))
    assert await found_at(storage, address(1)) is None
    assert await redeemed(storage) is None
    kept = str(await rows(storage, "SELECT lookup, pepper FROM contacts"))
    assert [one for one in hashes if one in kept] == []
    assert await rows(storage, "SELECT contact_uid FROM return_codes") == []
    assert await go_over(storage) == 1
    assert await found_at(storage, address(2)) == other


async def test_two_rows_of_one_address_from_elsewhere_end_in_one(
    storage: Storage, caplog: pytest.LogCaptureFixture
) -> None:
    """Should not be; a change must not fail for ever when it is so."""
    older, other = await open_at(storage, address(1), address(2))
    name = await begin(storage)

    def plant(uow: Any) -> None:
        twin = {"lookup": lookup_of(uow.peppers.get(name), address(1)), "pepper": name}
        uow.execute(update(contacts).where(contacts.c.uid == bindparam("b_uid")), {**twin, "b_uid": other.uid})

    await act(storage.door, plant)
    assert await go_over(storage) == 1
    (found,) = await open_at(storage, address(1))
    assert found.uid == other.uid
    assert older.uid in caplog.text


# --- several processes ----------------------------------------------------------------------------------------------------


@asynccontextmanager
async def beside(here: Installation, var: Path | None = None) -> AsyncIterator[Storage]:
    """One more process over the same data."""
    storage = open_storage(here.database or here.file, var or here.var, clock=Clock(), keys_url=here.keys_url)
    try:
        yield storage
    finally:
        await storage.close()


async def test_a_process_that_was_there_before_hears_of_it_by_itself(houses: Houses) -> None:
    here = houses.new()
    async with opened(here) as one, beside(here) as two:
        before = await open_at(one, address(1), address(2))
        done = await change(here.secrets, one.door, one.keys, sleep=no_sleep)
        assert (done.pepper, done.contacts, done.left, done.resumed) == (TWO, 2, 0, False)
        assert await found_at(two, address(1)) == before[0]
        assert await open_at(two, address(2), address(1)) == before[::-1]
        (fresh,) = await open_at(two, address(3))
        assert await found_at(one, address(3)) == fresh
        assert (await used(one)) == {TWO: Under(contacts=3)}
    assert problems(here) == []


async def test_a_process_without_the_new_file_makes_nobody_anew(houses: Houses, tmp_path: Path) -> None:
    here = houses.new()
    lacking = tmp_path / "lacking"
    (lacking / "secrets").mkdir(mode=0o700, parents=True)
    async with opened(here) as one:
        before = await open_at(one, address(1))
        for path in here.secrets.iterdir():
            (lacking / "secrets" / path.name).write_bytes(path.read_bytes())
            (lacking / "secrets" / path.name).chmod(0o400)
        if not here.keys_url:
            (lacking / "keys.db").symlink_to(here.var / "keys.db")
        async with beside(here, lacking) as two:
            await begin(one)
            await go_over(one)
            for known in (address(1), address(9)):
                with pytest.raises(KeyMissing, match=TWO):
                    await open_at(two, known)
                with pytest.raises(KeyMissing, match=TWO):
                    await found_at(two, known)
            assert await open_at(one, address(1)) == before
            assert (await used(one)) == {TWO: Under(contacts=1)}
        with pytest.raises(KeyMissing, match=TWO):
            async with beside(here, lacking):
                pass
        (lacking / "secrets" / TWO).write_bytes((here.secrets / TWO).read_bytes())
        (lacking / "secrets" / TWO).chmod(0o400)
        async with beside(here, lacking) as two:
            assert await open_at(two, address(1)) == before


@SEVERAL_WRITE
async def test_what_another_process_makes_between_a_look_and_the_change_is_found(
    houses: Houses, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The one order of events in which two could come to be: a look finds nobody, another process makes her under the older
    pepper, the newer one begins, and only then does the first one go on.
    """
    here = houses.new()
    async with opened(here) as one, beside(here) as two:
        new(one)
        plain, hit = Hashing.settle, threading.Event()

        def late(self: Hashing) -> str:
            if self._held is one.secrets.peppers and not hit.is_set():
                hit.set()
                asyncio.run_coroutine_threadsafe(meanwhile(), loop).result(10)
            return plain(self)

        async def meanwhile() -> None:
            await open_at(two, address(1))
            await two.door.run(begin_pepper, TWO)  # type: ignore[arg-type]

        loop = asyncio.get_running_loop()
        monkeypatch.setattr(Hashing, "settle", late)
        (made,) = await open_at(one, address(1))
        assert hit.is_set()
        assert await found_at(two, address(1)) == made
        assert (await used(one)) == {PEPPER: Under(contacts=1)}


@SEVERAL_WRITE
async def test_a_new_one_begins_only_while_nobody_is_making_a_hash(houses: Houses) -> None:
    here = houses.new()
    async with opened(here) as one, beside(here) as two:
        new(one)
        held, go_on = threading.Event(), threading.Event()

        def work(uow: UnitOfWork) -> None:
            uow.contacts.open([address(1)])
            held.set()
            go_on.wait(10)

        working = asyncio.create_task(act(two.door, work))
        await asyncio.to_thread(held.wait, 10)
        beginning = asyncio.create_task(one.door.run(begin_pepper, TWO))  # type: ignore[arg-type]
        await asyncio.sleep(0.3)
        assert not beginning.done()
        assert await one.door.read(lambda uow: current(uow)) == PEPPER  # type: ignore[arg-type]
        go_on.set()
        await working
        await beginning
        assert await one.door.read(lambda uow: current(uow)) == TWO  # type: ignore[arg-type]


async def test_nobody_is_made_twice_while_three_processes_write_and_it_changes(houses: Houses) -> None:
    here, seen = houses.new(), {}
    wrong: list[tuple[str, str]] = []

    async def write(storage: Storage, over: asyncio.Event) -> None:
        while not over.is_set():
            chosen = [address(chance.randbelow(limit[0])) for _ in range(3)]
            for where, contact in zip(chosen, await open_at(storage, *chosen), strict=True):
                if seen.setdefault(where, contact.uid) != contact.uid:
                    wrong.append((where.platform_id, contact.uid))
            limit[0] += 1
            await asyncio.sleep(0)

    limit = [10]
    over = asyncio.Event()
    async with opened(here) as one, beside(here) as two, beside(here) as three:
        writing = [asyncio.create_task(write(each, over)) for each in (one, two, two, three)]
        try:
            for _ in range(6):
                await change(here.secrets, one.door, one.keys)
        finally:
            over.set()
            await asyncio.gather(*writing)
        await go_over(one)
        assert wrong == []
        kept = await rows(one, "SELECT lookup FROM contacts")
        assert len(kept) == len(seen) > 10
        assert list(await used(one)) == [pepper_ids(here.secrets)[-1]]
        addresses = Counter(await storage_addresses(one))
        assert set(addresses.values()) == {1}
    assert problems(here) == []


async def storage_addresses(storage: Storage) -> list[str]:
    """What is really sealed in every contact."""

    def look(uow: Any) -> list[str]:
        found = uow._runner._connection.execute("SELECT uid, address_sealed FROM contacts").fetchall()
        return [uow.keys.unseal("contacts", "address", uid, uid, bytes(sealed)).decode() for uid, sealed in found]

    return await storage.door.read(look)


@SEVERAL_WRITE
async def test_rows_that_somebody_works_on_are_waited_for(houses: Houses) -> None:
    here = houses.new()
    async with opened(here) as one, beside(here) as two:
        (busy, _) = await open_at(two, address(1), address(2))
        held, go_on = threading.Event(), threading.Event()

        def work(uow: UnitOfWork) -> None:
            uow.contacts.get(busy.uid)
            held.set()
            go_on.wait(10)

        working = asyncio.create_task(act(two.door, work))
        await asyncio.to_thread(held.wait, 10)
        changing = asyncio.create_task(change(here.secrets, one.door, one.keys))
        await asyncio.sleep(0.5)
        assert not changing.done()
        assert (await used(one)) == {PEPPER: Under(contacts=1), TWO: Under(contacts=1)}
        go_on.set()
        await working
        assert (await changing).contacts == 2


# --- the change as a whole ------------------------------------------------------------------------------------------------


async def test_killed_on_the_way_everybody_is_found_and_the_next_run_finishes_it(houses: Houses) -> None:
    here = houses.new()
    everybody = [address(number) for number in range(120)]
    async with opened(here) as storage:
        before = await open_at(storage, *everybody)
        failpoints.arm("peppers.rehashing:raise:2")
        try:
            with pytest.raises(failpoints.Hit):
                await change(here.secrets, storage.door, storage.keys, sleep=no_sleep)
        finally:
            failpoints.arm("")
        assert (await used(storage)) == {PEPPER: Under(contacts=70), TWO: Under(contacts=50)}
        assert await open_at(storage, *everybody) == before
    async with opened(here) as storage:  # also after a start
        assert await open_at(storage, *everybody) == before
        done = await change(here.secrets, storage.door, storage.keys, sleep=no_sleep)
        assert (done.pepper, done.contacts, done.resumed) == (TWO, 70, True)
        assert pepper_ids(here.secrets) == [PEPPER, TWO]
        assert await open_at(storage, *everybody) == before


@SEVERAL_MACHINES
async def test_nothing_begins_before_every_machine_can_read_it(houses: Houses, tmp_path: Path) -> None:
    here = houses.new()
    other = tmp_path / "other"
    (other / "secrets").mkdir(mode=0o700, parents=True)
    async with opened(here) as one:
        for path in here.secrets.iterdir():
            (other / "secrets" / path.name).write_bytes(path.read_bytes())
            (other / "secrets" / path.name).chmod(0o400)
        async with beside(here, other) as two:
            two.keys._holder = "second, process 7"  # type: ignore[attr-defined]
            two.keys.say_held()
            with pytest.raises(NotEverywhere, match="lookup_pepper_2 is not readable for second, process 7"):
                await change(here.secrets, one.door, one.keys, within_s=0, sleep=no_sleep)
            assert await one.door.read(lambda uow: current(uow)) == PEPPER  # type: ignore[arg-type]
            (other / "secrets" / TWO).write_bytes((here.secrets / TWO).read_bytes())
            (other / "secrets" / TWO).chmod(0o400)
            two.keys.say_held()
            before = await open_at(two, address(1))
            assert (await change(here.secrets, one.door, one.keys, within_s=0, sleep=no_sleep)).pepper == TWO
            assert await open_at(two, address(1)) == before


async def test_an_older_one_goes_when_nothing_needs_it(houses: Houses) -> None:
    here = houses.new()
    async with opened(here, clock := Clock()) as storage:
        (contact,) = await open_at(storage, address(1))
        await act(storage.door, lambda uow: uow.codes.save(CODE, contact.uid))
        await change(here.secrets, storage.door, storage.keys, sleep=no_sleep)

        async def retired(after: timedelta) -> Any:
            since = await storage.door.read(lambda uow: begun(uow))  # type: ignore[arg-type]
            done = retire(here.secrets, since, await used(storage), START + after)
            return done.gone, done.waiting, done.needed

        assert await retired(KEPT) == ([], {}, {PEPPER: Under(return_codes=1)})
        await storage.door.run(void_codes, None)  # type: ignore[arg-type]
        assert await retired(timedelta(days=6)) == ([], {PEPPER: START + KEPT}, {})
        assert await retired(KEPT) == ([PEPPER], {}, {})
        assert pepper_ids(here.secrets) == [TWO]
        assert clock.now == START
    assert problems(here) == []
    async with opened(here) as storage:
        assert await open_at(storage, address(1)) == [contact]
        assert prepare(here.secrets, TWO) == "lookup_pepper_3"


async def test_a_start_without_a_pepper_that_finds_somebody_is_refused(houses: Houses, tmp_path: Path) -> None:
    here = houses.new()
    async with opened(here) as storage:
        await open_at(storage, address(1))
        await begin(storage)
    for name in (PEPPER, TWO):
        (here.secrets / name).rename(tmp_path / name)
        with pytest.raises(KeyMissing, match=rf"secrets/{name} is missing"):
            open_storage(here.database, here.var, keys_url=here.keys_url)
        assert any(name in line for line in problems(here))
        (tmp_path / name).rename(here.secrets / name)
    async with opened(here) as storage:
        assert await go_over(storage) == 1
    (here.secrets / PEPPER).unlink()
    async with opened(here) as storage:
        assert await found_at(storage, address(1)) is not None


# --- backups --------------------------------------------------------------------------------------------------------------


async def backed_up(here: Installation, to: Path) -> str:
    """Somebody with a return code, and a backup from before the change; her contact."""
    async with opened(here) as storage:
        contact_uid, _ = await live(storage)
        await act(storage.door, lambda uow: uow.codes.save(CODE, contact_uid))
        backup(here, to, clock=Clock())
        await change(here.secrets, storage.door, storage.keys, sleep=no_sleep)
    return contact_uid


def carry(here: Installation, there: Installation, *names: str) -> None:
    """The secrets of one place in another, without some."""
    there.secrets.mkdir(mode=0o700, parents=True)
    for path in here.secrets.iterdir():
        if path.name not in names:
            (there.secrets / path.name).write_bytes(path.read_bytes())
            (there.secrets / path.name).chmod(0o400)


async def test_a_backup_from_before_comes_back_under_the_pepper_of_now(houses: Houses, tmp_path: Path) -> None:
    here, there = houses.new(), houses.new()
    contact_uid = await backed_up(here, tmp_path / "copy")
    assert drill(tmp_path / "copy", here, clock=Clock()).passed
    carry(here, there)
    done = restore(tmp_path / "copy", there, clock=Clock())
    assert (done.rehashed, done.void_codes) == (1, 0)
    async with opened(there) as storage:
        assert (await used(storage)) == {TWO: Under(contacts=1), PEPPER: Under(return_codes=1)}
        (contact,) = await open_at(storage, Address("telegram", "p1"))
        assert contact.uid == contact_uid
        assert await redeemed(storage) == contact_uid, "the older one is still there"
    assert problems(there) == []


async def test_without_the_older_pepper_everybody_in_it_is_found_and_only_codes_are_lost(
    houses: Houses, tmp_path: Path
) -> None:
    here, there = houses.new(), houses.new()
    contact_uid = await backed_up(here, tmp_path / "copy")
    carry(here, there, PEPPER)
    looked = drill(tmp_path / "copy", here, secrets=there.secrets, clock=Clock())
    assert (looked.passed, looked.void_codes) == (True, 1)
    done = restore(tmp_path / "copy", there, clock=Clock())
    assert (done.rehashed, done.void_codes, done.void_spare_codes) == (1, 1, 0)
    async with opened(there) as storage:
        (contact,) = await open_at(storage, Address("telegram", "p1"))
        assert contact.uid == contact_uid
        assert await redeemed(storage) is None
        assert list(await used(storage)) == [TWO]
    assert problems(there) == []


async def test_older_secrets_than_the_data_are_refused(houses: Houses, tmp_path: Path) -> None:
    here, there = houses.new(), houses.new()
    async with opened(here) as storage:
        await live(storage)
        await change(here.secrets, storage.door, storage.keys, sleep=no_sleep)
        backup(here, tmp_path / "copy", clock=Clock())
    carry(here, there, TWO)
    with pytest.raises(KeyMissing, match=TWO):
        restore(tmp_path / "copy", there, clock=Clock())


async def test_older_data_brought_back_by_other_means_are_mended_by_the_command(houses: Houses) -> None:
    """Point-in-time recovery to before a change whose old pepper has gone since: the start is refused and says what to run."""
    here = houses.new()
    async with opened(here) as storage:
        (contact,) = await open_at(storage, address(1))
    new_pepper(here.secrets)
    (here.secrets / PEPPER).unlink()
    with pytest.raises(KeyMissing, match="rotate-pepper"):
        open_storage(here.database, here.var, keys_url=here.keys_url)
    storage = open_storage(here.database, here.var, clock=Clock(), keys_url=here.keys_url, peppers_may_lack=True)
    done = await change(here.secrets, storage.door, storage.keys, sleep=no_sleep)
    await storage.close()
    assert (done.pepper, done.contacts) == (TWO, 1)
    async with opened(here) as storage:
        assert await open_at(storage, address(1)) == [contact]
