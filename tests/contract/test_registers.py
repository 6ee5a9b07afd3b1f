"""What the quieter stores promise in `handlers/ports`: staff, audit, facts, codes, content, services, referrals, settings."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from flows.severity import Severity
from handlers.model import (
    AuditEntry,
    Case,
    Disposition,
    DutySwitch,
    Fact,
    Role,
    SignIn,
    new_uid,
)
from handlers.ports import ContentSet, UnitOfWork
from handlers.referral import Item, Referral, ReferralLink, ReferralStatus, Tell
from storage.open import Storage
from tests.contract.builders import (
    START,
    Clock,
    act,
    address,
    case_of,
    staff,
)


async def test_staff_are_found_by_name_whatever_the_case_and_overwritten_by_uid(storage: Storage) -> None:
    mai = staff(
        "Mai", roles=(Role.COUNSELLOR, Role.SUPERVISOR), password_hash="x", duty=DutySwitch.ON, duty_until_at=START
    )
    an = staff("an")
    await act(storage.door, lambda uow: (uow.staff.save(mai), uow.staff.save(an)))
    assert await act(storage.door, lambda uow: uow.staff.by_name(" MAI ")) == mai
    await act(storage.door, lambda uow: uow.staff.save(replace(mai, enabled=False)))
    assert await act(storage.door, lambda uow: uow.staff.get(mai.uid)) == replace(mai, enabled=False)
    assert [one.name for one in await act(storage.door, lambda uow: uow.staff.all())] == ["an", "Mai"]
    assert await act(storage.door, lambda uow: uow.staff.get(new_uid())) is None


async def test_staff_saved_in_a_unit_of_work_are_seen_in_it(storage: Storage) -> None:
    mai, an = staff("Mai"), staff("An")

    def work(uow: UnitOfWork) -> list[str]:
        uow.staff.save(mai)
        assert [one.name for one in uow.staff.all()] == ["Mai"]
        uow.staff.save(an)
        uow.staff.save(replace(mai, alias="Chị M"))
        assert uow.staff.get(mai.uid) == replace(mai, alias="Chị M")
        return [one.alias for one in uow.staff.all()]

    assert await act(storage.door, work) == ["Chị An", "Chị M"]


async def test_staff_sessions_begin_are_touched_and_end(storage: Storage, clock: Clock) -> None:
    mai = staff()
    first = SignIn(token_hash="a", staff_uid=mai.uid, created_at=START, last_seen_at=START)
    await act(storage.door, lambda uow: (uow.staff.save(mai), uow.staff.sign_in(first)))
    touched = replace(first, last_seen_at=START + timedelta(minutes=1))
    await act(storage.door, lambda uow: (uow.staff.sign_in(touched), uow.staff.sign_in(replace(first, token_hash="b"))))
    assert await act(storage.door, lambda uow: uow.staff.signed_in("a")) == touched
    await act(storage.door, lambda uow: uow.staff.sign_out(token_hash="a"))
    assert await act(storage.door, lambda uow: uow.staff.signed_in("a")) is None
    assert await act(storage.door, lambda uow: uow.staff.signed_in("b")) is not None
    await act(storage.door, lambda uow: uow.staff.sign_out(staff_uid=mai.uid))
    assert await act(storage.door, lambda uow: uow.staff.signed_in("b")) is None


async def test_failures_are_counted_per_key_and_forgotten(storage: Storage, clock: Clock) -> None:
    for key in ("a", "a", "b"):
        await act(storage.door, lambda uow, key=key: uow.staff.note_failure(key))
        clock.move(minutes=1)
    assert await act(storage.door, lambda uow: uow.staff.failures("a", START)) == 2
    assert await act(storage.door, lambda uow: uow.staff.failures("a", START + timedelta(seconds=1))) == 1
    await act(storage.door, lambda uow: uow.staff.clear_failures("a"))
    assert await act(storage.door, lambda uow: uow.staff.failures("a", START)) == 0
    assert await act(storage.door, lambda uow: uow.staff.failures("b", START)) == 1


async def test_the_audit_chain_holds_and_every_entry_is_in_it(storage: Storage) -> None:
    assert await act(storage.door, lambda uow: uow.audit.verify()) is None
    for number in range(3):
        entry = AuditEntry(actor="system", action="case.read", object=f"K{number}", detail={"n": number})
        await act(storage.door, lambda uow, entry=entry: (uow.audit.add(entry), uow.audit.add(entry)))
    assert await act(storage.door, lambda uow: uow.audit.verify()) is None


async def test_facts_come_back_oldest_first(storage: Storage) -> None:
    facts = [
        Fact(
            month="2026-03",
            channel="web",
            severity=Severity.URGENT,
            category="c",
            disposition=Disposition.HELPED,
            claim_s=n,
        )
        for n in range(3)
    ]
    for fact in facts:
        await act(storage.door, lambda uow, fact=fact: uow.facts.add(fact))
    assert await act(storage.door, lambda uow: uow.facts.all()) == facts


async def test_a_newer_return_code_replaces_the_older(storage: Storage) -> None:
    one, two = await act(storage.door, lambda uow: uow.contacts.open([address(1), address(2)]))
    await act(storage.door, lambda uow: (uow.codes.save("c1", one.uid), uow.codes.save("c2", two.uid)))
    await act(storage.door, lambda uow: uow.codes.save("c3", one.uid))
    found = await act(storage.door, lambda uow: [uow.codes.redeem(code) for code in ("c1", "c2", "c3", "c3")])
    assert found == [None, two.uid, one.uid, one.uid]


async def test_a_code_can_be_given_to_a_contact_made_in_the_same_unit_of_work(storage: Storage) -> None:
    def work(uow: UnitOfWork) -> str:
        (contact,) = uow.contacts.open([address()])
        uow.codes.save("c", contact.uid)
        return contact.uid

    uid = await act(storage.door, work)
    assert await act(storage.door, lambda uow: uow.codes.redeem("c")) == uid


async def test_publishing_keeps_every_version_and_makes_one_current(storage: Storage) -> None:
    assert await act(storage.door, lambda uow: uow.content.current()) is None
    sets = [
        ContentSet(version=v, files={"a/ă.yaml": v.encode() * 99}, published_at=START, published_by="first start")
        for v in ("v1", "v2")
    ]
    for content in (*sets, sets[0]):
        await act(storage.door, lambda uow, content=content: uow.content.publish(content))
        assert await act(storage.door, lambda uow: uow.content.current()) == content.version
    assert [await act(storage.door, lambda uow, v=v: uow.content.get(v)) for v in ("v1", "v2", "v3")] == [*sets, None]


async def test_services_are_overwritten_by_id_and_the_revision_grows(storage: Storage) -> None:
    assert await act(storage.door, lambda uow: uow.services.revision()) == 0
    await act(storage.door, lambda uow: uow.services.replace([{"id": "b", "name": "hai"}, {"id": "a", "name": "một"}]))
    await act(storage.door, lambda uow: uow.services.replace([{"id": "b", "name": "ba"}]))
    assert await act(storage.door, lambda uow: uow.services.all()) == [
        {"id": "a", "name": "một"},
        {"id": "b", "name": "ba"},
    ]
    assert await act(storage.door, lambda uow: uow.services.revision()) == 2


async def test_settings_are_kept(storage: Storage) -> None:
    assert await act(storage.door, lambda uow: uow.get_setting("x")) is None
    await act(storage.door, lambda uow: uow.set_setting("x", "1"))
    await act(storage.door, lambda uow: uow.set_setting("x", "2"))
    assert await storage.door.read(lambda uow: uow.get_setting("x")) == "2"


async def test_referrals_come_back_whole_oldest_first_and_their_words_are_sealed(
    storage: Storage, clock: Clock
) -> None:
    case = await act(storage.door, _a_case)
    made = [
        Referral(
            uid=new_uid(), case_uid=case.uid, status=ReferralStatus.SENT, need="legal", kind="legal_aid", service_id=f"s{n}",
            items=(Item.PHONE, Item.NEED), consent_step="desk", consent_text="0" * 12, consent_line=7, consented_at=START,
            tell=Tell.ACCEPTED, made_by="m", created_at=START, changed_at=START, sent_at=START, details={"need": "một lời"},
        )
        for n in range(2)
    ]  # fmt: skip
    await act(storage.door, lambda uow: [uow.referrals.add(one) for one in made])
    assert await act(storage.door, lambda uow: uow.referrals.of_case(case.uid)) == made
    after = replace(made[0], status=ReferralStatus.DECLINED, details={}, changed_at=clock.move(minutes=1))
    await act(storage.door, lambda uow: uow.referrals.save(after))
    assert await act(storage.door, lambda uow: uow.referrals.get(made[0].uid)) == after
    assert await act(storage.door, lambda uow: uow.referrals.get(new_uid())) is None
    assert await act(storage.door, lambda uow: uow.referrals.of_case(new_uid())) == []


async def test_a_referral_may_be_added_with_its_case_and_goes_with_it(storage: Storage) -> None:
    def work(uow: UnitOfWork) -> Case:
        case = _a_case(uow)
        uow.referrals.add(_wanted(case))
        return case

    case = await act(storage.door, work)
    link = ReferralLink(
        token_hash=b"t" * 32, pin_hash=b"p" * 32, referral_uid="r" * 32, case_uid=case.uid, created_at=START
    )
    await act(storage.door, lambda uow: uow.referrals.add_link(link))
    await act(storage.door, lambda uow: uow.cases.destroy(case.uid))
    assert await act(storage.door, lambda uow: uow.referrals.of_case(case.uid)) == []
    assert await act(storage.door, lambda uow: uow.referrals.link(b"t" * 32)) is None


async def test_pages_are_found_by_their_hash_counted_and_ended(storage: Storage) -> None:
    case = await act(storage.door, _a_case)
    await act(storage.door, lambda uow: uow.referrals.add(_wanted(case)))
    link = ReferralLink(
        token_hash=b"t" * 32, pin_hash=b"p" * 32, referral_uid="r" * 32, case_uid=case.uid, created_at=START
    )
    await act(storage.door, lambda uow: uow.referrals.add_link(link))
    tried = replace(link, tries=2, opened_at=START)
    await act(storage.door, lambda uow: uow.referrals.save_link(tried))
    assert await act(storage.door, lambda uow: uow.referrals.link(b"t" * 32)) == tried
    assert await act(storage.door, lambda uow: uow.referrals.open_links("r" * 32)) == [tried]
    await act(storage.door, lambda uow: uow.referrals.end_links("r" * 32))
    assert await act(storage.door, lambda uow: uow.referrals.open_links("r" * 32)) == []
    ended = await act(storage.door, lambda uow: uow.referrals.link(b"t" * 32))
    assert ended is not None
    assert ended.ended_at == START
    assert await act(storage.door, lambda uow: uow.referrals.link(b"u" * 32)) is None


async def test_boundaries_are_replaced_as_a_whole_and_their_revision_grows(storage: Storage) -> None:
    assert await act(storage.door, lambda uow: (uow.boundaries.all(), uow.boundaries.revision())) == ({}, 0)
    await act(storage.door, lambda uow: uow.boundaries.replace({"03390": "[1]", "03408": "[2]"}))
    await act(storage.door, lambda uow: uow.boundaries.replace({"03394": "[3]"}))
    assert await act(storage.door, lambda uow: (uow.boundaries.all(), uow.boundaries.revision())) == (
        {"03394": "[3]"},
        2,
    )
    await act(storage.door, lambda uow: uow.boundaries.replace({}))
    assert await act(storage.door, lambda uow: (uow.boundaries.all(), uow.boundaries.revision())) == ({}, 3)


async def test_one_service_is_found_by_its_id(storage: Storage) -> None:
    await act(storage.door, lambda uow: uow.services.replace([{"id": "s1", "name": "Trạm"}]))
    assert await act(storage.door, lambda uow: uow.services.get("s1")) == {"id": "s1", "name": "Trạm"}
    assert await act(storage.door, lambda uow: uow.services.get("s2")) is None


def _a_case(uow: UnitOfWork) -> Case:
    (contact,) = uow.contacts.open([address()])
    case = case_of(contact)
    uow.cases.add(case)
    return case


def _wanted(case: Case) -> Referral:
    return Referral(
        uid="r" * 32, case_uid=case.uid, status=ReferralStatus.WANTED, need="legal", items=(Item.NEED,),
        consent_step="refer.ask", consent_text="0" * 12, consented_at=START, created_at=START, changed_at=START,
    )  # fmt: skip
