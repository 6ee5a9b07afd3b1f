"""The daily run: what is due goes, what is not stays, nobody who is being helped is forgotten, and a record proves it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, timedelta

import pytest

from handlers.audit_log import check_log
from handlers.audit_signing import HeadSigner
from handlers.factors import HalfSignIn
from handlers.housekeeping import Housekeeping
from handlers.keeping import Found, Keeping, Run, Tidied, is_due, nothing_to_tidy
from handlers.model import (
    AuditEntry,
    Contact,
    Direction,
    Disposition,
    Escalation,
    EscalationState,
    InboxState,
    OutboxState,
    SignIn,
    new_uid,
)
from handlers.policies import POLICIES, policies_of
from handlers.ports import Handle, UnitOfWork
from handlers.stays import Ending
from handlers.watching import findings
from storage import keeping as rows
from storage.data_keys import Keys
from storage.open import Storage
from storage.removals import finish_removals
from tests.contract.builders import (
    START,
    Clock,
    act,
    address,
    case_of,
    escalation,
    inbox_row,
    line,
    outbox_row,
    staff,
)

DAY = timedelta(days=1)


def keeping(storage: Storage, **days: int) -> Keeping:
    return Keeping(policies_of(days), Housekeeping(Ending(UTC)), storage.tidy, storage.secrets.audit)


def of(run: Run, kind: str) -> Found:
    return next(one for one in run.found if one.kind == kind)


async def count(storage: Storage, table: str) -> int:
    def look(uow: UnitOfWork) -> int:
        return int(uow._runner._connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0])  # type: ignore[attr-defined]

    return await storage.door.read(look)


def live(number: int, *, closed: bool = True, called: bool = False):
    """Somebody writes, is answered and (perhaps) done; whatever there can be of hers is there. Gives contact and case uid."""

    def work(uow: UnitOfWork) -> tuple[str, str]:
        (contact,) = uow.contacts.open([address(number)])
        contact = replace(contact, last_inbound_at=uow.now, erase_at=uow.now + 30 * DAY, pending=0)
        uow.contacts.save(contact)
        row = inbox_row(contact, received_at=uow.now)
        uow.inbox.accept([(row, "web", f"m{number}-{uow.now.isoformat()}")])
        uow.inbox.save(replace(row, state=InboxState.DONE))
        contact = replace(uow.contacts.get(contact.uid), pending=0)
        uow.contacts.save(contact)
        case = case_of(contact, f"K{number}-{uow.now:%m%d%H%M}", opened_at=uow.now)
        if closed:
            case = replace(case, closed_at=uow.now, disposition=Disposition.INFORMED)
        uow.cases.add(case)
        if called:
            uow.escalations.add(escalation(case))
        uow.lines.add(line(case, 1, direction=Direction.IN, author="seeker"))
        sent = outbox_row(contact, created_at=uow.now, state=OutboxState.SENT, done_at=uow.now, case_uid=case.uid)
        uow.outbox.add(replace(sent, outgoing=None))
        uow.outbox.add(outbox_row(contact, created_at=uow.now, state=OutboxState.CANCELLED, done_at=uow.now))
        uow.codes.save(f"code-{number}", contact.uid)
        uow.staff.note_failure(f"code:{number}")
        uow.handles.add([Handle(kind="page", owner_uid=case.uid, channel="telegram", handle=new_uid(), at=uow.now)])
        return contact.uid, case.uid

    return work


async def test_an_empty_house_is_clean_and_says_so(storage: Storage, clock: Clock) -> None:
    run = await keeping(storage).run(storage.door)
    assert run.clean
    assert {one.kind for one in run.found} == {policy.kind for policy in POLICIES} | {"keys"}
    assert [(one.removed, one.left) for one in run.found] == [(0, 0)] * len(run.found)
    assert await storage.door.read(lambda uow: uow.keeping.runs(9)) == [run]
    assert run.ended_at == clock.now


async def test_what_is_due_goes_with_its_keys_and_what_is_not_stays(storage: Storage, clock: Clock) -> None:
    old_contact, old_case = await act(storage.door, live(1))
    writes_on, old_talk = await act(storage.door, live(2))
    hoa = staff("Hoa")
    began = SignIn(token_hash="t", staff_uid=hoa.uid, created_at=START, last_seen_at=START)
    await act(storage.door, lambda uow: (uow.staff.save(hoa), uow.staff.sign_in(began)))
    clock.move(days=29)
    assert [one.removed for one in (await keeping(storage).run(storage.door)).found if one.removed] == [1, 2]
    _, new_talk = await act(storage.door, live(2))
    clock.move(days=1, seconds=1)
    run = await keeping(storage).run(storage.door)
    assert run.clean
    removed = {one.kind: one.removed for one in run.found if one.removed}
    assert removed == {"contacts": 1, "talks": 1, "message_ids": 2, "sent": 2, "failures": 1}
    assert {old_contact, old_case, old_talk} & storage.keys.owners() == set()
    assert {writes_on, new_talk} <= storage.keys.owners()
    assert (await act(storage.door, lambda uow: uow.contacts.get(writes_on))).last_inbound_at is not None
    assert [one.uid for one in await act(storage.door, lambda uow: uow.cases.all_of(writes_on))] == [new_talk]
    assert await act(storage.door, lambda uow: uow.codes.redeem("code-1")) is None
    clock.move(days=366)
    run = await keeping(storage).run(storage.door)
    assert run.clean
    assert {one.kind: one.removed for one in run.found if one.kind in ("cases", "contacts", "handles", "keys")} == {
        "cases": 2,
        "contacts": 1,
        "handles": 3,
        "keys": 0,
    }
    for table in ("contacts", "inbox", "lines", "outbox", "failures", "sign_ins", "return_codes", "handles"):
        assert await count(storage, table) == 0, table
    assert await count(storage, "cases") == 1  # destroyed today, what is left of it stays for a year
    assert storage.keys.owners() == set()


async def test_who_is_being_called_for_is_not_forgotten_and_the_run_says_that_it_waits(
    storage: Storage, clock: Clock
) -> None:
    contact_uid, case_uid = await act(storage.door, live(1, closed=False, called=True))
    clock.move(days=31)
    run = await keeping(storage).run(storage.door)
    assert run.clean
    assert of(run, "contacts") == Found("contacts", 30, removed=0, left=0, waiting=1)
    assert (await act(storage.door, lambda uow: uow.contacts.get(contact_uid))).uid == contact_uid

    def end(uow: UnitOfWork) -> None:
        ringing: Escalation = uow.escalations.open_of([case_uid])[case_uid]
        ended = replace(ringing, state=EscalationState.ENDED, next_due_at=None, ended_reason="closed")
        uow.escalations.save(ended)

    await act(storage.door, end)
    assert of(await keeping(storage).run(storage.door), "contacts").removed == 1
    (fact,) = await act(storage.door, lambda uow: uow.facts.all())
    assert fact.disposition is Disposition.LOST


async def test_a_shorter_time_counts_from_her_last_message(storage: Storage, clock: Clock) -> None:
    contact_uid, _ = await act(storage.door, live(1))
    clock.move(days=7)
    assert of(await keeping(storage, contacts=7).run(storage.door), "contacts").removed == 0
    clock.move(seconds=1)
    run = await keeping(storage, contacts=7).run(storage.door)
    assert (of(run, "contacts").removed, run.clean) == (1, True)
    with pytest.raises(KeyError):
        await act(storage.door, lambda uow: uow.contacts.get(contact_uid))


@pytest.mark.parametrize("days", [30, 7])
async def test_who_writes_again_while_the_run_is_at_work_is_kept(storage: Storage, clock: Clock, days: int) -> None:
    """She was found to be due, and then her message came in and was handled, before her turn came."""
    contact_uid, case_uid = await act(storage.door, live(1))
    clock.move(days=31)
    keeps = keeping(storage, contacts=days)

    def write_again(uow: UnitOfWork) -> None:
        contact = uow.contacts.get(contact_uid)
        uow.contacts.save(replace(contact, last_inbound_at=uow.now, erase_at=uow.now + 30 * DAY))

    real = type(keeps)._forget

    def late(self: Keeping, uow: UnitOfWork, due) -> bool:
        write_again(uow)
        return real(self, uow, due)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(type(keeps), "_forget", late)
        run = await keeps.run(storage.door)
    assert of(run, "contacts").removed == 0
    assert (await act(storage.door, lambda uow: uow.contacts.get(contact_uid))).last_inbound_at == clock.now
    assert contact_uid in storage.keys.owners()
    assert case_uid not in storage.keys.owners()  # her old closed talk's own time had come


async def test_nobody_stays_for_ever(storage: Storage, clock: Clock) -> None:
    (made,) = await act(storage.door, lambda uow: uow.contacts.open([address(1)]))
    (waits,) = await act(storage.door, lambda uow: uow.contacts.open([address(2)]))
    row = inbox_row(waits)
    await act(storage.door, lambda uow: uow.inbox.accept([(row, "web", "m")]))
    await act(storage.door, lambda uow: uow.contacts.save(replace(uow.contacts.get(waits.uid), pending=1)))
    assert (await keeping(storage).run(storage.door)).clean
    ends: dict[str, Contact] = await act(storage.door, lambda uow: uow.contacts.load([made.uid, waits.uid]))
    assert (ends[made.uid].erase_at, ends[waits.uid].erase_at) == (START + 30 * DAY, None)


async def test_what_is_left_makes_the_run_unclean_and_the_auditor_hears_of_it(
    storage: Storage, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert (await keeping(storage).run(storage.door)).clean
    await act(storage.door, live(1))
    clock.move(days=31)
    assert [one.code for one in await storage.door.read(lambda uow: findings(uow))] == ["keeping-late"]
    monkeypatch.setitem(rows._REMOVE, "sent", rows._REMOVE["failures"])
    run = await keeping(storage).run(storage.door)
    assert not run.clean
    assert of(run, "sent").left == 1  # the other one went with its case
    assert [one.code for one in await storage.door.read(lambda uow: findings(uow))] == ["keeping-late"]
    monkeypatch.undo()
    assert (await keeping(storage).run(storage.door)).clean
    assert await storage.door.read(lambda uow: findings(uow)) == []


async def test_a_run_that_died_half_way_is_done_again(storage: Storage, clock: Clock) -> None:
    uids = [await act(storage.door, live(number)) for number in range(1, 4)]
    clock.move(days=31)

    class Dies(Exception):
        pass

    async def dies() -> Tidied:
        raise Dies

    with pytest.raises(Dies):
        await replace(keeping(storage), tidy=dies).run(storage.door)
    (died,) = await storage.door.read(lambda uow: uow.keeping.runs(9))
    assert (died.ended_at, died.clean) == (None, False)
    assert not is_due([died], clock.now - timedelta(minutes=1), clock.now)
    clock.move(hours=1)
    assert is_due([died], clock.now - timedelta(hours=2), clock.now)
    run = await keeping(storage).run(storage.door)
    assert (run.clean, of(run, "contacts").removed) == (True, 0)
    assert storage.keys.owners().isdisjoint({uid for pair in uids for uid in pair})


async def test_a_key_that_outlived_its_owner_is_destroyed_and_counted(
    storage: Storage, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    if storage.tidy is nothing_to_tidy:
        return  # in memory keys and rows go together or not at all
    contact_uid, case_uid = await act(storage.door, live(1))
    clock.move(days=31)

    def fails(keys: Keys, uids: Iterable[str]) -> None:
        raise OSError("no key store")

    with monkeypatch.context() as broken:
        broken.setattr(Keys, "destroy", fails)
        with pytest.raises(OSError, match="no key store"):
            await keeping(storage).run(storage.door)
    assert {contact_uid, case_uid} <= storage.keys.owners()  # the rows are gone, and the keys are still there
    run = await keeping(storage).run(storage.door)
    assert run.found[-1] == Found("keys", 0, removed=2, left=0)
    assert storage.keys.owners() == set()


async def test_half_sign_ins_and_codes_that_ran_out_go_though_nobody_signs_in_any_more(
    storage: Storage, clock: Clock
) -> None:
    hoa = staff("Hoa")

    def begin(uow: UnitOfWork) -> None:
        uow.staff.save(hoa)
        uow.factors.begin_half(HalfSignIn(token_hash="h" * 64, staff_uid=hoa.uid, created_at=uow.now))
        uow.factors.ask_key("h" * 64, b"c" * 32)
        uow.factors.add_codes(hoa.uid, ["AAAA"], "supervisor", uow.now + timedelta(hours=1))
        uow.factors.add_codes(hoa.uid, ["BBBB", "CCCC"], hoa.uid)

    await act(storage.door, begin)
    clock.move(days=1)
    assert of(await keeping(storage).run(storage.door), "sign_ins") == Found("sign_ins", 1)
    clock.move(hours=2)
    run = await keeping(storage).run(storage.door)
    assert (of(run, "sign_ins"), run.clean) == (Found("sign_ins", 1, removed=3), True)
    assert await count(storage, "half_sign_ins") == await count(storage, "key_challenges") == 0
    assert await act(storage.door, lambda uow: uow.factors.codes_left(hoa.uid)) == 2  # her own have no end


async def test_marks_of_destroyed_keys_stay_for_as_long_as_the_configuration_says(
    storage: Storage, clock: Clock
) -> None:
    """Whoever keeps backups for ninety days needs them for so long: neither a start nor the nightly run may take them earlier."""
    contact_uid, _ = await act(storage.door, live(1))
    await act(storage.door, lambda uow: uow.contacts.forget(contact_uid))
    clock.move(days=60)
    assert of(await keeping(storage, key_marks=90).run(storage.door), "key_marks") == Found("key_marks", 90)

    def finish(uow: UnitOfWork) -> None:
        finish_removals(uow._runner, storage.keys)  # type: ignore[attr-defined]

    await act(storage.door, finish)
    assert contact_uid in await act(storage.door, marks)
    clock.move(days=31)
    assert of(await keeping(storage, key_marks=90).run(storage.door), "key_marks").removed >= 1
    assert contact_uid not in await act(storage.door, marks)


def marks(uow: UnitOfWork) -> set[str]:
    return {uid for (uid,) in uow._runner._connection.execute("SELECT uid FROM key_removals").fetchall()}  # type: ignore[attr-defined]


async def test_the_audit_log_lets_go_after_a_year_and_is_still_proven(storage: Storage, clock: Clock) -> None:
    signer = HeadSigner(storage.secrets.audit)
    for _ in range(3):
        await act(storage.door, lambda uow: uow.audit.add(AuditEntry(actor="system", action="a.b")))
    clock.move(days=366)
    run = await keeping(storage).run(storage.door)
    # Nothing was signed a year ago, so nothing can go yet; the run says that it waits.
    assert of(run, "audit") == Found("audit", 365, removed=0, left=0, waiting=3)
    assert run.clean
    head = await storage.door.run(signer.sign, None)
    assert head is not None
    assert head.seq == 4
    clock.move(days=366)
    run = await keeping(storage).run(storage.door)
    assert of(run, "audit") == Found("audit", 365, removed=4, left=0, waiting=0)
    report = await check_log(storage.door, signer.keys, [head])
    assert (report.problems, report.first_seq) == ((), 5)


def test_when_a_run_is_due() -> None:
    night, later = START, START + timedelta(hours=5)

    def ran(at: timedelta, *, clean: bool = True) -> Run:
        return Run(uid=new_uid(), started_at=night + at, ended_at=night + at, clean=clean)

    hour, day = timedelta(hours=1), timedelta(days=1)
    assert is_due([], night, later)
    assert is_due([ran(-day)], night, later)
    assert not is_due([ran(timedelta())], night, later)
    assert not is_due([ran(hour), ran(-day)], night, later)
    assert is_due([ran(hour, clean=False), ran(-day)], night, later)
    assert not is_due([ran(hour * 4.5, clean=False), ran(-day)], night, later)
    assert not is_due([ran(hour * 2, clean=False), ran(hour)], night, later)
