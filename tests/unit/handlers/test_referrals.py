"""Referrals: nothing without consent on record, only what she agreed to, what she hears, what is destroyed when she says no."""

from __future__ import annotations

import itertools
from dataclasses import replace

import pytest

from handlers import audit
from handlers.errors import CaseClosed, NotAgreed, NotAllowed, NotYours
from handlers.handoff import AnswerLink, Handoff, MakeLink, OpenLink
from handlers.hiding import hide
from handlers.model import Case, Role, Staff
from handlers.referral import (
    LINK_HOLDS,
    NEXT,
    OVER,
    PIN_TRIES,
    SERVICE_NEXT,
    Consent,
    Item,
    Referral,
    ReferralStatus,
    Tell,
    tells,
)
from handlers.referrals import NoConsent, NoService, NoSuchReferral, WrongStatus, ask_for, take_back, text_digest
from handlers.referring import AskConsent, LookAtReferrals, Referring, SendReferral, SetReferral
from handlers.service import Disclosure
from tests.fakes.road import Road
from tests.unit.handlers.test_directory import CHECKED

S = ReferralStatus
LEGAL = replace(CHECKED, id="legal", name="Trung tâm Trợ giúp", kind="legal_aid", needs=frozenset({"legal"}))
SHELTER = replace(CHECKED, id="kin", name="NƠIKÍN", kind="shelter", disclosure=Disclosure.STAFF_ONLY)
SAID = "Chị cần hỏi về ly hôn, hai con nhỏ."
ITEMS = (Item.NEED, Item.PHONE)


class Desk:
    """One counsellor who holds a case of somebody who agreed to talk, and the commands for it."""

    def __init__(self, road: Road) -> None:
        self.road = road
        road.do(lambda uow: uow.services.replace([LEGAL.to_row(), SHELTER.to_row()]))
        self.me = road.hire("tuvan")
        road.types("an", "chào")
        self.case = road.asks_for_person(self._case())
        road.claim(self.me, self.case)
        road.delivers()
        self.referring = Referring(road.desk, road.worlds)
        self.handoff = Handoff(self.referring, road.worlds)
        self._keys = itertools.count()

    def _case(self) -> Case:
        (uid,) = [row["uid"] for row in self.road.select("SELECT uid FROM cases")]
        return self.road.do(lambda uow: uow.cases.get(uid))

    def ask(self, service: str = "legal", items=ITEMS, who: Staff | None = None, key: str = "") -> Referral:
        command = AskConsent(
            staff_uid=(who or self.me).uid, case_code=self.case.code, service_id=service, items=items, need="legal",
            client_key=key or f"key-{next(self._keys):08}",
        )  # fmt: skip
        made = self.road.run(self.referring.ask, command)
        self.road.delivers()
        return made

    def send(self, one: Referral, agreed=ITEMS, details=None, who: Staff | None = None, **fields) -> Referral:
        details = {Item.NEED: SAID} if details is None else details
        command = SendReferral(
            staff_uid=(who or self.me).uid, case_code=self.case.code, referral_uid=one.uid, agreed=agreed,
            details=details, **fields,
        )  # fmt: skip
        sent = self.road.run(self.referring.send, command)
        self.road.delivers()
        return sent

    def set(self, one: Referral, status: S, who: Staff | None = None) -> Referral:
        command = SetReferral(
            staff_uid=(who or self.me).uid, case_code=self.case.code, referral_uid=one.uid, status=status
        )
        changed = self.road.run(self.referring.set_status, command)
        self.road.delivers()
        return changed

    def look(self, who: Staff | None = None):
        command = LookAtReferrals(staff_uid=(who or self.me).uid, case_code=self.case.code)
        return self.road.run(self.referring.look, command)

    def link(self, one: Referral):
        command = MakeLink(staff_uid=self.me.uid, case_code=self.case.code, referral_uid=one.uid)
        return self.road.run(self.handoff.make, command)

    def open(self, link, pin: str = ""):
        return self.road.run(self.handoff.open, OpenLink(token=link.token, pin=pin or link.pin))

    def answer(self, link, status: S, pin: str = ""):
        done = self.road.run(self.handoff.answer, AnswerLink(token=link.token, pin=pin or link.pin, status=status))
        self.road.delivers()
        return done

    def stored(self, one: Referral) -> Referral:
        return self.road.do(lambda uow: uow.referrals.get(one.uid))

    def heard(self) -> list[str]:
        return [outgoing.text for outgoing in self.road.got["an"]]

    def audited(self, action: str) -> list[dict]:
        return [row for row in self.road.select("SELECT * FROM audit_log ORDER BY seq") if row["action"] == action]


@pytest.fixture
def desk(road: Road) -> Desk:
    return Desk(road)


class TestAsking:
    def test_she_reads_which_place_and_each_thing_that_would_be_told(self, desk):
        made = desk.ask()
        text = desk.heard()[-1]
        assert made.status is S.ASKED
        assert "Trung tâm Trợ giúp" in text
        assert "số điện thoại của bạn" in text
        assert "bạn cần được giúp gì" in text
        assert "tuổi của bạn" not in text
        assert (made.consent_step, made.consent_text, made.consented_at) == ("desk", text_digest(text), None)
        asked_in = desk.road.do(lambda uow: uow.lines.of_case(desk.case.uid, made.consent_line - 1))
        assert asked_in[0].text == text

    def test_a_hidden_place_is_asked_about_without_its_name(self, desk):
        desk.ask("kin")
        assert "NƠIKÍN" not in str(desk.heard())
        assert "một chỗ được giữ kín" in desk.heard()[-1]

    def test_a_repeated_post_asks_once(self, desk):
        assert desk.ask(key="same-key").uid == desk.ask(key="same-key").uid
        assert len(desk.look()) == 1

    @pytest.mark.parametrize(
        ("service", "items", "error"),
        [("nowhere", ITEMS, NoService), ("", ITEMS, NoService), ("legal", (), NoConsent)],
    )
    def test_what_cannot_be_asked(self, desk, service, items, error):
        with pytest.raises(error):
            desk.ask(service, items)

    def test_a_service_that_is_gone_cannot_be_chosen(self, desk):
        desk.road.do(lambda uow: uow.services.replace([LEGAL.to_row() | {"status": "gone"}]))
        with pytest.raises(NoService):
            desk.ask()

    def test_only_who_holds_the_case_asks(self, desk):
        with pytest.raises(NotYours):
            desk.ask(who=desk.road.hire("khac"))
        with pytest.raises(NotAllowed):
            desk.ask(who=desk.road.hire("bientap", Role.EDITOR))


class TestSending:
    def test_what_she_agreed_to_is_recorded_sealed_and_sent(self, desk):
        sent = desk.send(desk.ask(), line_seq=9)
        assert (sent.status, sent.items, sent.consented_at, sent.consent_line) == (
            S.SENT,
            (Item.PHONE, Item.NEED),
            desk.road.now,
            9,
        )
        assert desk.stored(sent) == replace(sent, details={"need": SAID})
        (row,) = desk.road.select("SELECT * FROM referrals")
        assert SAID.encode() not in row["details_sealed"]
        assert "ly hôn" not in str(desk.road.select("SELECT * FROM audit_log"))
        (consent,) = desk.audited(audit.REFERRAL_CONSENT)
        assert sent.consent_text in consent["detail"]
        assert "phone,need" in consent["detail"]
        assert consent["actor"] == desk.me.uid

    def test_a_part_she_did_not_agree_to_cannot_be_told(self, desk):
        asked = desk.ask()
        with pytest.raises(NoConsent):
            desk.send(asked, agreed=(Item.NEED,), details={Item.PHONE: "0000 000 000"})
        sent = desk.send(asked, agreed=(Item.NEED,))
        assert sent.items == (Item.NEED,)

    @pytest.mark.parametrize(
        ("agreed", "details"),
        [
            ((), {}),
            ((*ITEMS, Item.NAME), {}),
            (ITEMS, {Item.NAME: "Hoa"}),
            (ITEMS, {Item.NEED: "x" * 2_001}),
        ],
    )
    def test_nothing_goes_out_beyond_what_she_was_asked(self, desk, agreed, details):
        asked = desk.ask()
        with pytest.raises(NoConsent):
            desk.send(asked, agreed, details)
        assert desk.stored(asked).status is S.ASKED

    def test_not_to_another_place_than_she_was_asked_about(self, desk):
        with pytest.raises(NoConsent):
            desk.send(desk.ask(), service_id="kin")

    def test_not_twice(self, desk):
        sent = desk.send(desk.ask())
        with pytest.raises(WrongStatus):
            desk.send(sent)

    def test_not_for_a_case_that_is_closed(self, desk):
        asked = desk.ask()
        desk.road.close_case(desk.me, desk.case)
        with pytest.raises(CaseClosed):
            desk.send(asked)

    def test_a_referral_of_another_case_does_not_exist_here(self, desk):
        with pytest.raises(NoSuchReferral):
            desk.send(replace(desk.ask(), uid="f" * 32))


class TestWhatSheHears:
    @pytest.mark.parametrize(
        ("tell", "heard"),
        [
            (Tell.EVERY, [S.SENT, S.ACCEPTED, S.SERVED]),
            (Tell.ACCEPTED, [S.ACCEPTED]),
            (Tell.NOTHING, []),
        ],
    )
    def test_only_what_she_chose(self, desk, tell, heard):
        asked = desk.ask()
        before = len(desk.heard())
        one = desk.send(asked, tell=tell)
        for status in (S.ACCEPTED, S.SERVED):
            one = desk.set(one, status)
        expected = [desk.road.worlds.say(f"referral_{status.value}") for status in heard]
        assert desk.heard()[before:] == expected

    def test_no_line_names_the_place(self, desk):
        asked = desk.ask()
        before = len(desk.heard())
        desk.set(desk.send(asked), S.FULL)
        assert not any("Trung tâm" in text for text in desk.heard()[before:])
        assert len(desk.heard()) == before + 2

    def test_what_comes_too_late_waits_for_her(self, desk):
        sent = desk.send(desk.ask())
        desk.road.waits(minutes=30)
        before = len(desk.heard())
        desk.set(sent, S.ACCEPTED, who=desk.road.hire("giamsat", Role.SUPERVISOR))
        assert len(desk.heard()) == before

    def test_every_status_has_its_words_or_is_not_told(self, road):
        for status in S:
            if tells(Tell.EVERY, status):
                assert road.worlds.say(f"referral_{status.value}")


class TestStatus:
    def test_each_step_is_audited(self, desk):
        desk.set(desk.set(desk.send(desk.ask()), S.ACCEPTED), S.SERVED)
        assert [row["actor"] for row in desk.audited(audit.REFERRAL_STATUS)] == [desk.me.uid] * 3

    @pytest.mark.parametrize("status", [S.ASKED, S.WANTED, S.SENT])
    def test_what_only_its_own_command_may_set(self, desk, status):
        with pytest.raises(WrongStatus):
            desk.set(desk.ask(), status)

    def test_what_is_over_stays_over_unless_it_can_turn(self, desk):
        served = desk.set(desk.send(desk.ask()), S.SERVED)
        for status in S:
            with pytest.raises(WrongStatus):
                desk.set(served, status)
        full = desk.set(desk.send(desk.ask()), S.FULL)
        assert desk.set(full, S.ACCEPTED).status is S.ACCEPTED

    def test_after_closing_whoever_sent_it_and_supervisors_go_on(self, desk):
        sent = desk.send(desk.ask())
        desk.road.close_case(desk.me, desk.case)
        with pytest.raises(NotYours):
            desk.set(sent, S.ACCEPTED, who=desk.road.hire("khac"))
        accepted = desk.set(sent, S.ACCEPTED)
        assert desk.set(accepted, S.SERVED, who=desk.road.hire("giamsat", Role.SUPERVISOR)).status is S.SERVED

    def test_what_was_told_is_read_only_by_who_may_act_and_noted(self, desk):
        desk.send(desk.ask())
        (view,) = desk.look(desk.road.hire("khac"))
        assert (view.referral.details, view.may_act) == ({}, False)
        assert not desk.audited(audit.REFERRAL_READ)
        (view,) = desk.look()
        assert view.referral.details == {"need": SAID}
        assert view.service.id == "legal"
        assert len(desk.audited(audit.REFERRAL_READ)) == 1

    def test_saying_no_destroys_what_was_to_be_told(self, desk):
        sent = desk.send(desk.ask())
        link = desk.link(sent)
        declined = desk.set(sent, S.DECLINED)
        assert declined.details == {}
        assert desk.road.select("SELECT details_sealed FROM referrals")[0]["details_sealed"] is None
        assert desk.open(link) is None
        assert len(desk.audited(audit.REFERRAL_DECLINED)) == 1


CONSENT_TEXT = "ab" * 6


class TestOutOfAFlow:
    """She agreed in a flow; a counsellor still has to choose the place."""

    def agree(self, road: Road, case: Case, **how) -> Case:
        consent = Consent(items=(Item.COMMUNE, Item.NEED), step="refer.ask", text=CONSENT_TEXT, given_at=road.now)
        return road.do(lambda uow: ask_for(uow, uow.cases.get(case.uid), consent=consent, **{"need": "legal", **how}))

    def test_the_case_is_listed_and_may_be_read(self, road):
        case = road.arrive("an")
        assert case.listed_at is None
        after = self.agree(road, case)
        assert after.listed_at == after.agreed_at == road.now
        assert after.next_due_at is not None
        (one,) = road.do(lambda uow: uow.referrals.of_case(case.uid))
        assert (one.status, one.need, one.service_id, one.made_by) == (S.WANTED, "legal", "", "seeker")
        assert (one.consent_step, one.consent_text, one.consented_at) == ("refer.ask", CONSENT_TEXT, road.now)

    def test_asked_again_the_newer_consent_counts(self, road):
        case = road.arrive("an")
        self.agree(road, case)
        self.agree(road, case, tell=Tell.NOTHING)
        self.agree(road, case, need="shelter")
        found = road.do(lambda uow: uow.referrals.of_case(case.uid))
        assert [(one.need, one.tell) for one in found] == [("legal", Tell.NOTHING), ("shelter", Tell.EVERY)]

    def test_a_counsellor_sends_it_within_what_she_agreed_to(self, desk):
        self.agree(desk.road, desk.case)
        (view,) = desk.look()
        with pytest.raises(NoService):
            desk.send(view.referral, agreed=(Item.NEED,))
        with pytest.raises(NoConsent):
            desk.send(view.referral, agreed=ITEMS, service_id="legal")
        with pytest.raises(NoConsent):  # she wished for a lawyer
            desk.send(view.referral, agreed=(Item.NEED,), service_id="kin")
        sent = desk.send(view.referral, agreed=(Item.NEED,), service_id="legal")
        assert (sent.status, sent.consent_text, sent.consented_at) == (S.SENT, CONSENT_TEXT, view.referral.consented_at)

    def test_she_takes_it_back(self, road):
        case = road.arrive("an")
        self.agree(road, case)
        self.agree(road, case, need="shelter")
        assert road.do(lambda uow: take_back(uow, uow.cases.get(case.uid), need="legal")) == 1
        assert road.do(lambda uow: take_back(uow, uow.cases.get(case.uid))) == 1
        assert {one.status for one in road.do(lambda uow: uow.referrals.of_case(case.uid))} == {S.DECLINED}
        assert road.do(lambda uow: take_back(uow, uow.cases.get(case.uid))) == 0


class TestPage:
    def test_it_shows_what_was_agreed_once_and_takes_answers(self, desk):
        sent = desk.send(desk.ask())
        link = desk.link(sent)
        first = desk.open(link)
        assert (first.first, first.details, first.answers) == (True, {Item.NEED: SAID}, (S.ACCEPTED, S.REFUSED, S.FULL))
        again = desk.open(link)
        assert (again.first, again.details) == (False, {})
        assert desk.answer(link, S.ACCEPTED).answers == (S.SERVED, S.LOST)
        assert desk.heard()[-1] == desk.road.worlds.say("referral_accepted")
        assert desk.answer(link, S.SERVED).answers == ()
        assert desk.open(link) is None
        assert [row["actor"] for row in desk.audited(audit.REFERRAL_STATUS)] == [desk.me.uid, "service", "service"]
        assert len(desk.audited(audit.REFERRAL_OPENED)) == 1

    def test_neither_address_nor_code_is_stored(self, desk):
        link = desk.link(desk.send(desk.ask()))
        assert len(link.token) == 26
        assert link.pin.isdigit()
        assert len(link.pin) == 6
        everything = str(desk.road.select("SELECT * FROM referral_links")) + str(
            desk.road.select("SELECT * FROM audit_log")
        )
        assert link.token not in everything
        assert link.pin not in everything
        assert link.token not in repr(link)

    def test_wrong_codes_close_it(self, desk):
        link = desk.link(desk.send(desk.ask()))
        wrong = f"{(int(link.pin) + 1) % 1_000_000:06d}"
        for _ in range(PIN_TRIES):
            assert desk.open(link, wrong) is None
        assert desk.open(link) is None
        assert len(desk.audited(audit.REFERRAL_LOCKED)) == 1

    def test_a_code_with_blanks_is_right(self, desk):
        link = desk.link(desk.send(desk.ask()))
        assert desk.open(link, f" {link.pin[:3]} {link.pin[3:]} ") is not None

    def test_an_answer_before_opening_or_out_of_turn_changes_nothing(self, desk):
        sent = desk.send(desk.ask())
        link = desk.link(sent)
        assert desk.answer(link, S.ACCEPTED) is None
        desk.open(link)
        for status in S:
            if status not in SERVICE_NEXT[S.SENT]:
                assert desk.answer(link, status).status is S.SENT
        assert desk.stored(sent).status is S.SENT

    def test_a_new_page_ends_the_old_one(self, desk):
        sent = desk.send(desk.ask())
        old, new = desk.link(sent), desk.link(sent)
        assert desk.open(old) is None
        assert desk.open(new) is not None

    def test_it_waits_a_week(self, desk):
        link = desk.link(desk.send(desk.ask()))
        desk.road.now += LINK_HOLDS
        assert desk.open(link).first
        desk.road.now += LINK_HOLDS
        assert desk.open(link) is not None  # opened in time, it still takes answers

    def test_unopened_it_ends_after_a_week(self, desk):
        link = desk.link(desk.send(desk.ask()))
        desk.road.now += 2 * LINK_HOLDS
        assert desk.open(link) is None

    @pytest.mark.parametrize("token", ["", "x" * 26, "x" * 9_999])
    def test_another_address_opens_nothing(self, desk, token):
        link = desk.link(desk.send(desk.ask()))
        assert desk.open(replace(link, token=token)) is None

    def test_only_for_what_was_sent(self, desk):
        with pytest.raises(WrongStatus):
            desk.link(desk.ask())

    def test_erasing_closes_it_at_once_and_takes_all_of_it(self, desk):
        sent = desk.send(desk.ask())
        link = desk.link(sent)
        desk.road.do(lambda uow: hide(uow, uow.contacts.get(desk.case.contact_uid)))
        assert desk.open(link) is None
        desk.road.do(lambda uow: uow.cases.destroy(desk.case.uid))
        assert desk.road.select("SELECT * FROM referrals") == []
        assert desk.road.select("SELECT * FROM referral_links") == []


def test_before_she_agreed_to_be_read_nobody_refers(road: Road) -> None:
    road.do(lambda uow: uow.services.replace([LEGAL.to_row()]))
    me = road.hire("tuvan")
    road.types("an", "tháng trước chồng em bóp cổ em, giờ em vẫn ở chung nhà với anh ấy")
    (uid,) = [row["uid"] for row in road.select("SELECT uid FROM cases")]
    case = road.do(lambda uow: uow.cases.get(uid))
    assert case.agreed_at is None
    road.claim(me, case)
    command = AskConsent(staff_uid=me.uid, case_code=case.code, service_id="legal", items=ITEMS, client_key="k" * 8)
    with pytest.raises(NotAgreed):
        road.run(Referring(road.desk, road.worlds).ask, command)


def test_the_tables_of_steps_hold_together() -> None:
    assert set(NEXT) == set(S)
    for status, following in SERVICE_NEXT.items():
        assert following <= NEXT[status]
    assert all(S.DECLINED in NEXT[status] for status in S if status not in OVER)
    assert all(status not in SERVICE_NEXT for status in OVER)
