"""What staff may do at the desk, over the real storage: permission first, and every look and act in the audit log."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace

import pytest

from flows.severity import Severity
from handlers.desk import DESK_DISPOSITIONS, Claim, Desk
from handlers.errors import (
    AlreadyClaimed,
    CaseClosed,
    NoSuchCase,
    NotAgreed,
    NotAllowed,
    NothingWritten,
    NotReachable,
    NotYours,
    StaleClaim,
)
from handlers.escalation import Call, Reason
from handlers.model import (
    Case,
    Direction,
    Disposition,
    DutySwitch,
    EscalationState,
    OutboxKind,
    OutboxState,
    Role,
    Staff,
    Summary,
)
from handlers.outgoing import to_seeker
from tests.fakes.hotline import Hotline

SECRET = "câu chị viết cho người trực"


@pytest.fixture
def hotline() -> Iterator[Hotline]:
    made = Hotline()
    yield made
    made.close()


@pytest.fixture
def lan(hotline: Hotline) -> Staff:
    return hotline.hire("lan", alias="Cô Lan")


@pytest.fixture
def hoa(hotline: Hotline) -> Staff:
    return hotline.hire("hoa", alias="Chị Hoa")


@pytest.fixture
def mai(hotline: Hotline) -> Staff:
    return hotline.hire("mai", Role.SUPERVISOR, alias="Cô Mai")


@pytest.fixture
def case(hotline: Hotline, lan: Staff) -> Case:
    return hotline.writes(hotline.arrive(), Severity.EMERGENCY, "dv_physical")


# --- claiming ------------------------------------------------------------------------------------------------------


def test_one_wins_and_the_other_is_told_who(hotline, case, lan, hoa):
    assert hotline.claim(lan, case).agreed
    with pytest.raises(AlreadyClaimed) as refused:
        hotline.claim(hoa, case)
    assert refused.value.detail == "Cô Lan"
    assert hotline.escalation(case).owner_uid == lan.uid


def test_two_claims_in_one_unit_of_work_have_one_winner(hotline, case, lan, hoa):
    both = [Claim(staff_uid=one.uid, case_code=case.code, epoch=1) for one in (lan, hoa)]
    with pytest.raises(AlreadyClaimed):
        hotline.do(lambda uow: hotline.desk.claim(uow, both))
    assert hotline.escalation(case).state is EscalationState.RINGING, "the batch rolls back and is replayed one by one"


def test_the_winner_may_tap_twice_without_any_effect(hotline, case, lan):
    hotline.claim(lan, case)
    said, audited = hotline.said(case), hotline.audit()
    assert hotline.claim(lan, case).again
    assert (hotline.said(case), hotline.audit()) == (said, audited)


def test_an_old_button_is_refused_once_it_rings_anew(hotline, case, lan, hoa):
    hotline.claim(lan, case)
    hotline.passes(61)
    with pytest.raises(StaleClaim):
        hotline.claim(hoa, case, epoch=1)
    assert hotline.claim(hoa, case, epoch=2).epoch == 2


def test_claiming_takes_all_pages_back_and_introduces_by_alias_only(hotline, case, lan, hoa, mai):
    hotline.passes(130)
    hotline.claim(lan, case)
    assert hotline.pages("state = 'pending'") == []
    assert hotline.said(case)[-1] == "<human_joined> alias=Cô Lan"


@pytest.mark.parametrize("role", [Role.EDITOR, Role.OPERATOR, Role.INSPECTOR])
def test_who_is_not_at_the_desk_claims_nothing_and_sees_nothing(hotline, case, role):
    outsider = hotline.hire("ngoai", role)
    for attempt in (hotline.claim, hotline.look, hotline.reply, hotline.release, hotline.close_case):
        with pytest.raises(NotAllowed):
            attempt(outsider, case)
    with pytest.raises(NotAllowed):
        hotline.queue(outsider)


def test_a_stay_that_is_not_listed_does_not_exist_for_the_desk(hotline, lan, mai):
    quiet = hotline.arrive()
    for attempt in (hotline.claim, hotline.look):
        with pytest.raises(NoSuchCase):
            attempt(mai, quiet)


def test_the_code_may_be_typed_in_small_letters_and_with_spaces(hotline, case, lan):
    assert hotline.claim(lan, replace(case, code=f" {case.code.lower()} ")).case_code == case.code


def test_a_waiting_case_can_be_taken_up_and_she_is_asked(hotline, lan):
    waiting = hotline.writes(hotline.arrive("s9"), Severity.STANDARD, "dv_psych_econ")
    assert not hotline.claim(lan, waiting).agreed
    assert hotline.said(waiting) == ["<human_ready>"]
    assert hotline.pages() == []
    with pytest.raises(NotAgreed):
        hotline.reply(lan, waiting)
    hotline.on_case(waiting, hotline.escalations.agree)
    hotline.reply(lan, waiting, SECRET)
    assert hotline.said(waiting)[1:] == ["<human_joined> alias=Cô Lan", SECRET]


# --- writing -------------------------------------------------------------------------------------------------------


def test_a_reply_is_one_line_one_row_and_settles_the_debt(hotline, case, lan):
    hotline.claim(lan, case)
    hotline.writes(case)
    saved = hotline.reply(lan, case, SECRET)
    (row,) = hotline.rows("kind = 'relay' AND id = (SELECT max(id) FROM outbox)")
    line = hotline.look(lan, case).lines[-1]
    assert (line.seq, line.text, line.author, line.delivery) == (saved.seq, SECRET, "Cô Lan", OutboxState.PENDING)
    assert row["lane"] == f"c:{case.contact_uid}"
    assert hotline.escalation(case).state is EscalationState.ANSWERED


def test_posting_the_same_reply_again_adds_nothing(hotline, case, lan):
    hotline.claim(lan, case)
    hotline.reply(lan, case, key="k1")
    rows = hotline.rows()
    assert hotline.reply(lan, case, key="k1").again
    assert hotline.rows() == rows


def test_only_the_owner_writes(hotline, case, lan, hoa, mai):
    with pytest.raises(NotYours):
        hotline.reply(lan, case)
    hotline.claim(lan, case)
    for other in (hoa, mai):
        for attempt in (hotline.reply, hotline.note):
            with pytest.raises(NotYours) as refused:
                attempt(other, case)
            assert refused.value.detail == "Cô Lan"


@pytest.mark.parametrize("nothing", ["", "   ", "\n\t"])
def test_nothing_is_not_sent(hotline, case, lan, nothing):
    hotline.claim(lan, case)
    with pytest.raises(NothingWritten):
        hotline.reply(lan, case, nothing)


def test_who_cannot_be_reached_is_said_to_the_counsellor(hotline, case, lan):
    hotline.claim(lan, case)
    for change in ({"blocked_at": hotline.now}, {"blocked_at": None, "hidden_at": hotline.now}):
        hotline.change_contact(case, **change)
        assert not hotline.look(lan, case).reachable
        with pytest.raises(NotReachable):
            hotline.reply(lan, case)


def test_a_line_to_somebody_who_asked_for_silence_is_kept_and_held(hotline, case, lan):
    hotline.claim(lan, case)
    hotline.change_contact(case, quiet=True)
    assert hotline.reply(lan, case, SECRET).held
    assert hotline.look(lan, case).lines[-1].delivery is OutboxState.HELD


def test_after_a_gap_a_line_is_held_and_does_not_count_as_heard(hotline, case, lan):
    hotline.claim(lan, case)
    hotline.reply(lan, case)
    heard = hotline.case(case).last_human_at
    hotline.passes(3600)
    hotline.change_contact(case, confirmed=False, stay_started_at=hotline.now)
    view = hotline.look(lan, case)
    assert not view.in_touch
    assert hotline.reply(lan, case).held
    assert hotline.case(case).last_human_at == heard


def test_a_note_stays_among_colleagues(hotline, case, lan):
    hotline.claim(lan, case)
    hotline.note(lan, case, SECRET)
    line = hotline.look(lan, case).lines[-1]
    assert (line.direction, line.delivery) == (Direction.NOTE, None)
    assert SECRET not in hotline.said(case)
    assert hotline.rows("line_uid IS NOT NULL AND kind = 'relay'")[-1]["line_uid"] != line.seq
    assert hotline.escalation(case).state is EscalationState.CLAIMED, "a note is no answer to her"


def test_lines_of_hers_cannot_carry_anybody_elses_words(hotline, case, lan):
    other = hotline.writes(hotline.arrive("s2"), Severity.EMERGENCY)
    hotline.claim(lan, case)
    hotline.claim(lan, other)
    hotline.reply(lan, other, SECRET)
    assert SECRET not in hotline.said(case)
    assert hotline.rows("kind = 'relay'")[-1]["contact_uid"] == other.contact_uid


# --- giving back and closing ---------------------------------------------------------------------------------------


def test_giving_back_rings_at_once_and_tells_her_that_another_is_called(hotline, case, lan, hoa):
    hotline.claim(lan, case)
    hotline.reply(lan, case)
    hotline.release(lan, case)
    escalation = hotline.escalation(case)
    assert (escalation.state, escalation.epoch, escalation.previous_owner_uid) == (EscalationState.RINGING, 2, lan.uid)
    assert hotline.said(case)[-1] == "<human_changed>"
    assert {page["staff_uid"] for page in hotline.pages("epoch = 2")} == {lan.uid, hoa.uid}


def test_giving_back_somebody_she_never_met_tells_her_nothing(hotline, lan):
    urgent = hotline.writes(hotline.arrive(), Severity.URGENT)
    hotline.claim(lan, urgent)
    hotline.release(lan, urgent)
    assert "<human_changed>" not in hotline.said(urgent)


def test_a_supervisor_takes_a_case_away_and_a_colleague_cannot(hotline, case, lan, hoa, mai):
    hotline.claim(lan, case)
    with pytest.raises(NotYours):
        hotline.release(hoa, case)
    hotline.release(mai, case)
    assert hotline.escalation(case).epoch == 2


def test_closing_tells_her_counts_the_stay_and_lets_the_flow_go_on(hotline, case, lan):
    def go_on(uow, contact, now):
        return to_seeker(uow, contact, now, OutboxKind.BOT, "<after_talk>")

    hotline.desk = Desk(hotline.escalations, go_on)
    hotline.passes(30)
    hotline.claim(lan, case)
    hotline.passes(10)
    hotline.reply(lan, case)
    hotline.close_case(lan, case, Disposition.REFERRED)
    assert hotline.said(case)[-2:] == ["<human_left>", "<after_talk>"]
    closed = hotline.case(case)
    assert (closed.disposition, closed.human, closed.next_due_at) == (Disposition.REFERRED, False, None)
    (fact,) = hotline.facts()
    assert (fact.month, fact.severity, fact.disposition) == ("2026-11", Severity.EMERGENCY, Disposition.REFERRED)
    assert (fact.first_page_s, fact.claim_s, fact.first_reply_s) == (None, 30, 40)
    assert fact.lines_in == 1


def test_a_fact_holds_no_text_and_no_identifier(hotline, case, lan):
    hotline.claim(lan, case)
    hotline.reply(lan, case, SECRET)
    hotline.close_case(lan, case)
    everything = repr(hotline.select("SELECT * FROM facts"))
    for hidden in (SECRET, case.uid, case.code, case.contact_uid, lan.uid, "s1"):
        assert hidden not in everything


def test_a_flow_that_calls_again_while_the_talk_closes_keeps_the_case_open(hotline, case, lan):
    def call_again(uow, contact, now):
        return hotline.escalations.open_or_raise(uow, contact, now, Call(reason=Reason.ASKED))

    hotline.desk = Desk(hotline.escalations, call_again)
    hotline.claim(lan, case)
    hotline.close_case(lan, case)
    assert hotline.case(case).closed_at is None
    assert hotline.escalation(case).state is EscalationState.RINGING


def test_nobody_closes_a_colleagues_case_but_a_supervisor(hotline, case, lan, hoa, mai):
    hotline.claim(lan, case)
    with pytest.raises(NotYours):
        hotline.close_case(hoa, case)
    hotline.close_case(mai, case)
    assert hotline.case(case).closed_at is not None


@pytest.mark.parametrize("disposition", sorted(set(Disposition) - set(DESK_DISPOSITIONS)))
def test_endings_of_the_machine_are_not_for_the_desk(hotline, case, lan, disposition):
    hotline.claim(lan, case)
    with pytest.raises(NotAllowed):
        hotline.close_case(lan, case, disposition)


def test_nothing_can_be_added_to_a_closed_case(hotline, case, lan):
    hotline.claim(lan, case)
    hotline.close_case(lan, case)
    for attempt in (hotline.claim, hotline.reply, hotline.note, hotline.release, hotline.close_case):
        with pytest.raises(CaseClosed):
            attempt(lan, case)


# --- reading -------------------------------------------------------------------------------------------------------


def give_summary(hotline: Hotline, case: Case) -> None:
    hotline.do(lambda uow: uow.cases.save(replace(uow.cases.get(case.uid), summary=Summary(answers={"Ở đâu": SECRET}))))


def test_the_owner_sees_card_and_lines_and_the_look_is_written_down(hotline, case, lan):
    give_summary(hotline, case)
    hotline.claim(lan, case)
    before = len(hotline.audit())
    view = hotline.look(lan, case)
    assert view.summary.answers == {"Ở đâu": SECRET}
    assert [line.author for line in view.lines][:2] == ["seeker", "bot"]
    assert hotline.audit()[before:] == ["case.read"]


def test_everybody_else_sees_a_card_without_content_and_that_is_written_down_too(hotline, case, lan, hoa, mai):
    give_summary(hotline, case)
    hotline.claim(lan, case)
    for other in (hoa, mai):
        view = hotline.look(other, case)
        assert not view.readable
        assert (view.lines, view.summary) == ((), Summary())
        assert view.owner_alias == "Cô Lan"
    assert hotline.audit()[-2:] == ["case.card_seen", "case.card_seen"]


def test_before_she_agrees_not_even_the_owner_reads(hotline, lan, mai):
    urgent = hotline.writes(hotline.arrive(), Severity.URGENT)
    give_summary(hotline, urgent)
    hotline.claim(lan, urgent)
    for view in (hotline.look(lan, urgent), hotline.look(mai, urgent, "kiểm tra"), hotline.new_lines(lan, urgent)):
        assert not view.readable
        assert (view.lines, view.summary) == ((), Summary())


def test_a_supervisor_reads_with_a_typed_reason_that_stays_in_the_case(hotline, case, lan, hoa, mai):
    hotline.claim(lan, case)
    view = hotline.look(mai, case, "khiếu nại của gia đình")
    assert view.lines
    assert "case.read_with_reason" in hotline.audit()
    note = hotline.look(lan, case).lines[-1]
    assert (note.direction, note.text, note.author) == (Direction.NOTE, "khiếu nại của gia đình", "Cô Mai")
    assert not hotline.look(hoa, case, "tò mò").readable, "a reason alone is no right"


def test_who_held_it_last_looks_on_until_somebody_has_taken_over(hotline, case, lan, hoa):
    hotline.claim(lan, case)
    hotline.release(lan, case)
    assert hotline.look(lan, case).readable
    hotline.claim(hoa, case)
    assert not hotline.look(lan, case).readable


def test_live_lines_are_written_down_only_when_there_are_any(hotline, case, lan, hoa):
    hotline.claim(lan, case)
    last = hotline.look(lan, case).lines[-1].seq
    audited = len(hotline.audit())
    assert hotline.new_lines(lan, case, last).lines == ()
    assert len(hotline.audit()) == audited
    hotline.writes(case)
    assert [line.author for line in hotline.new_lines(lan, case, last).lines] == ["seeker"]
    assert hotline.audit()[-1] == "case.read"
    with pytest.raises(NotYours):
        hotline.new_lines(hoa, case, 0)


def test_a_closed_case_is_read_by_a_supervisor_with_a_reason_only(hotline, case, lan, mai):
    hotline.claim(lan, case)
    hotline.close_case(lan, case)
    for attempt in (lambda: hotline.look(lan, case), lambda: hotline.look(mai, case)):
        with pytest.raises(NotYours):
            attempt()
    assert hotline.look(mai, case, "báo cáo năm").lines


def test_the_queue_is_content_free_and_knows_what_is_mine(hotline, case, lan, hoa):
    hotline.passes(5)
    second = hotline.writes(hotline.arrive("s2"), Severity.URGENT, "stalking_harassment")
    third = hotline.writes(hotline.arrive("s3"), Severity.STANDARD)
    hotline.arrive("s4")
    hotline.claim(lan, second)
    before = hotline.audit()
    cards = hotline.queue(lan).cards
    assert [card.case_code for card in cards] == [case.code, second.code, third.code]
    assert [card.mine for card in cards] == [False, True, False]
    assert [card.mine for card in hotline.queue(hoa).cards] == [False, False, False]
    assert [card.state for card in cards] == [EscalationState.RINGING, EscalationState.ANSWERED, None]
    assert hotline.audit() == before, "no content, nothing to write down"


def test_the_audit_log_holds_no_content(hotline, case, lan, mai):
    hotline.claim(lan, case)
    hotline.reply(lan, case, SECRET)
    hotline.note(lan, case, SECRET)
    hotline.look(mai, case, SECRET)
    hotline.close_case(lan, case)
    rows = json.dumps(
        [{name: str(value) for name, value in row.items()} for row in hotline.select("SELECT * FROM audit_log")]
    )
    assert SECRET not in rows
    assert json.dumps(SECRET).strip('"') not in rows
    assert hotline.do(lambda uow: uow.audit.verify()) is None


def test_no_error_carries_what_somebody_wrote(hotline, case, lan, hoa):
    hotline.claim(lan, case)
    with pytest.raises(NotYours) as refused:
        hotline.reply(hoa, case, SECRET)
    assert SECRET not in str(refused.value)


# --- duty ----------------------------------------------------------------------------------------------------------


def test_the_switch_shows_in_the_queue_and_leaves_what_she_holds_alone(hotline, case, lan, hoa):
    hotline.claim(lan, case)
    hotline.set_duty(lan, DutySwitch.OFF)
    view = hotline.queue(lan)
    assert (view.duty, view.me_on_duty, view.on_duty) == (DutySwitch.OFF, False, ("Chị Hoa",))
    assert hotline.escalation(case).owner_uid == lan.uid
    hotline.reply(lan, case)
    hotline.passes(13 * 3600)
    assert hotline.queue(lan).duty is DutySwitch.AUTO, "the switch runs out"
