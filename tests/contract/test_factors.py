"""What the store of second factors promises in `handlers/ports`, on a file, in memory and on PostgreSQL."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from handlers.factors import Factor, FactorKind, HalfSignIn, Proof
from handlers.model import SignIn, Staff, new_uid
from storage.open import Storage
from tests.contract.builders import START, Clock, act, staff


def factor(owner: Staff, kind: FactorKind = FactorKind.TOTP, **changes: object) -> Factor:
    credential = "c" * 64 if kind is FactorKind.KEY else ""
    made = Factor(
        uid=new_uid(),
        staff_uid=owner.uid,
        kind=kind,
        secret=b"JBSWY3DPEHPK3PXP",
        credential=credential,
        created_at=START,
    )
    return replace(made, **changes)  # type: ignore[arg-type]


def everything_in(folder: Path) -> list[bytes]:
    return [path.read_bytes() for path in folder.rglob("*") if path.is_file()]


async def hired(storage: Storage, name: str = "mai") -> Staff:
    made = staff(name)
    await act(storage.door, lambda uow: uow.staff.save(made))
    return made


async def test_factors_come_back_with_their_secret_and_go_for_good(storage: Storage) -> None:
    mai, an = await hired(storage), await hired(storage, "an")
    app, key = factor(mai), factor(mai, FactorKind.KEY, secret=b"\x00public", sign_count=3)
    await act(storage.door, lambda uow: (uow.factors.add(app), uow.factors.add(key)))
    assert await act(storage.door, lambda uow: uow.factors.of(mai.uid)) == [app, key]
    assert await act(storage.door, lambda uow: uow.factors.of(an.uid)) == []
    assert await storage.door.read(lambda uow: uow.factors.kinds()) == {mai.uid: [FactorKind.TOTP, FactorKind.KEY]}
    await act(storage.door, lambda uow: (uow.factors.remove(app.uid), uow.factors.remove(new_uid())))
    assert await act(storage.door, lambda uow: uow.factors.of(mai.uid)) == [key]
    assert app.uid not in storage.keys.owners()
    assert key.uid in storage.keys.owners()


async def test_a_factor_whose_key_is_gone_is_still_owed(storage: Storage) -> None:
    mai = await hired(storage)
    app = factor(mai)
    await act(storage.door, lambda uow: uow.factors.add(app))
    storage.keys.destroy([app.uid])
    assert await act(storage.door, lambda uow: uow.factors.of(mai.uid)) == [replace(app, secret=b"")]


async def test_a_step_is_used_once_and_none_before_it(storage: Storage, clock: Clock) -> None:
    app = factor(await hired(storage))
    await act(storage.door, lambda uow: uow.factors.add(app))
    clock.move(minutes=1)
    tries = [
        await act(storage.door, lambda uow, step=step: uow.factors.use_step(app.uid, step)) for step in (7, 7, 6, 8)
    ]
    assert tries == [True, False, False, True]
    (kept,) = await act(storage.door, lambda uow: uow.factors.of(app.staff_uid))
    assert (kept.last_step, kept.last_used_at) == (8, START + timedelta(minutes=1))


async def test_of_many_with_the_same_step_one_gets_in(storage: Storage) -> None:
    app = factor(await hired(storage))
    await act(storage.door, lambda uow: uow.factors.add(app))
    won = await asyncio.gather(*(act(storage.door, lambda uow: uow.factors.use_step(app.uid, 9)) for _ in range(20)))
    assert sum(won) == 1


async def test_a_key_that_counts_must_count_on_and_one_that_does_not_need_not(storage: Storage) -> None:
    mai = await hired(storage)
    counting, silent = factor(mai, FactorKind.KEY, sign_count=5), factor(mai, FactorKind.KEY, credential="d" * 64)
    await act(storage.door, lambda uow: (uow.factors.add(counting), uow.factors.add(silent)))

    async def used(one: Factor, count: int) -> bool:
        return await act(storage.door, lambda uow: uow.factors.use_key(one.uid, count))

    assert [await used(counting, count) for count in (6, 6, 5, 0, 7)] == [True, False, False, False, True]
    assert [await used(silent, count) for count in (0, 0, 4, 0)] == [True, True, True, False]


async def test_spare_codes_work_once_for_their_owner_until_they_run_out(storage: Storage, clock: Clock) -> None:
    mai, an = await hired(storage), await hired(storage, "an")
    await act(storage.door, lambda uow: uow.factors.add_codes(mai.uid, ["1", "2"], mai.uid))
    await act(storage.door, lambda uow: uow.factors.add_codes(mai.uid, ["9"], an.uid, START + timedelta(hours=12)))
    await act(storage.door, lambda uow: uow.factors.add_codes(mai.uid, ["8"], an.uid, START + timedelta(hours=12)))

    async def spent(owner: Staff, code: str) -> bool:
        return await act(storage.door, lambda uow: uow.factors.spend_code(owner.uid, code))

    assert await act(storage.door, lambda uow: uow.factors.codes_left(mai.uid)) == 2
    assert [await spent(an, "1"), await spent(mai, "1"), await spent(mai, "1")] == [False, True, False]
    assert await act(storage.door, lambda uow: uow.factors.codes_left(mai.uid)) == 1
    clock.move(hours=11)
    assert await spent(mai, "9")
    clock.move(hours=1)
    assert not await spent(mai, "8")
    await act(storage.door, lambda uow: uow.factors.drop_codes(mai.uid))
    assert not await spent(mai, "2")


async def test_no_secret_and_no_code_lies_open_on_the_disk(storage: Storage, tmp_path: Path) -> None:
    mai = await hired(storage)
    app = factor(mai, secret=b"CANARYSEEDCANARYSEED")
    await act(storage.door, lambda uow: (uow.factors.add(app), uow.factors.add_codes(mai.uid, ["4930281756"], mai.uid)))
    await storage.close()
    for content in everything_in(tmp_path):
        assert b"CANARYSEED" not in content
        assert b"4930281756" not in content


async def test_half_sign_ins_count_their_tries_and_end_with_her_sessions(storage: Storage, clock: Clock) -> None:
    mai = await hired(storage)
    half = HalfSignIn(token_hash="h" * 64, staff_uid=mai.uid, created_at=START)
    await act(storage.door, lambda uow: uow.factors.begin_half(half))
    await act(storage.door, lambda uow: (uow.factors.note_try(half.token_hash), uow.factors.note_try(half.token_hash)))
    assert await act(storage.door, lambda uow: uow.factors.half(half.token_hash)) == replace(half, tries=2)
    assert await act(storage.door, lambda uow: uow.staff.signed_in(half.token_hash)) is None
    await act(storage.door, lambda uow: uow.staff.sign_out(staff_uid=mai.uid))
    assert await act(storage.door, lambda uow: uow.factors.half(half.token_hash)) is None
    await act(storage.door, lambda uow: uow.factors.begin_half(half))
    clock.move(hours=2)
    await act(storage.door, lambda uow: uow.factors.begin_half(replace(half, token_hash="i" * 64, created_at=uow.now)))
    assert await act(storage.door, lambda uow: uow.factors.half(half.token_hash)) is None
    await act(storage.door, lambda uow: uow.factors.end_half("i" * 64))
    assert await act(storage.door, lambda uow: uow.factors.half("i" * 64)) is None


async def test_a_challenge_is_taken_once_and_only_while_it_is_fresh(storage: Storage, clock: Clock) -> None:
    async def taken() -> bytes | None:
        return await act(storage.door, lambda uow: uow.factors.take_challenge("t", uow.now - timedelta(minutes=5)))

    await act(storage.door, lambda uow: uow.factors.ask_key("t", b"a" * 32))
    await act(storage.door, lambda uow: uow.factors.ask_key("t", b"b" * 32))
    assert [await taken(), await taken()] == [b"b" * 32, None]
    await act(storage.door, lambda uow: uow.factors.ask_key("t", b"c" * 32))
    clock.move(minutes=6)
    assert [await taken(), await taken()] == [None, None]


async def test_sessions_are_listed_and_ended_but_one(storage: Storage) -> None:
    mai, an = await hired(storage), await hired(storage, "an")
    one = SignIn(token_hash="1", staff_uid=mai.uid, created_at=START, last_seen_at=START, proof=Proof.KEY)
    two = replace(one, token_hash="2", last_seen_at=START + timedelta(minutes=1), proof=None)
    hers = replace(one, token_hash="3", staff_uid=an.uid)
    await act(storage.door, lambda uow: [uow.staff.sign_in(each) for each in (one, two, hers)])
    assert await act(storage.door, lambda uow: uow.staff.sessions(mai.uid)) == [two, one]
    await act(storage.door, lambda uow: uow.staff.sign_out(staff_uid=mai.uid, but="1"))
    assert await act(storage.door, lambda uow: uow.staff.sessions(mai.uid)) == [one]
    assert await act(storage.door, lambda uow: uow.staff.sessions(an.uid)) == [hers]


async def test_one_attempt_is_taken_back_and_a_whole_family_forgotten(storage: Storage, clock: Clock) -> None:
    for key in ("n", "n", "n/a", "n/b", "m"):
        await act(storage.door, lambda uow, key=key: uow.staff.note_failure(key))
    await act(storage.door, lambda uow: (uow.staff.forgive("n"), uow.staff.forgive("none")))
    assert await act(storage.door, lambda uow: uow.staff.failures("n", START)) == 1
    await act(storage.door, lambda uow: uow.staff.forget_failures("n"))
    left = await act(storage.door, lambda uow: [uow.staff.failures(key, START) for key in ("n", "n/a", "n/b", "m")])
    assert left == [0, 0, 0, 1]
