"""Calling a human, over the real storage: who is called, what she hears, what stays when she takes it back."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest

from flows.effects import LateAnswer
from flows.severity import Severity
from handlers import escalation as escalation_module
from handlers.duty import EverybodyByRole
from handlers.escalation import Reason
from handlers.model import Case, Disposition, DutySwitch, EscalationState, Role, Staff
from handlers.outgoing import fresh_for
from handlers.rules.ladder import EMERGENCY
from tests.fakes.hotline import START, Hotline


@pytest.fixture
def hotline() -> Iterator[Hotline]:
    made = Hotline()
    yield made
    made.close()


@pytest.fixture
def lan(hotline: Hotline) -> Staff:
    return hotline.hire("lan")


@pytest.fixture
def mai(hotline: Hotline) -> Staff:
    return hotline.hire("mai", Role.SUPERVISOR)


def emergency(hotline: Hotline, name: str = "s1") -> Case:
    return hotline.writes(hotline.arrive(name), Severity.EMERGENCY, "dv_physical")


# --- what opens, and what does not ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("severity", "listed", "rings"),
    [
        (Severity.NONE, False, False),
        (Severity.INFO, False, False),
        (Severity.STANDARD, True, False),
        (Severity.URGENT, True, True),
        (Severity.EMERGENCY, True, True),
    ],
)
def test_severity_decides_who_is_listed_and_who_rings(hotline, lan, severity, listed, rings):
    case = hotline.writes(hotline.arrive(), severity, "dv_physical")
    assert (case.listed_at is not None) is listed
    assert (hotline.escalation(case) is not None) is rings
    assert bool(hotline.pages()) is rings


def test_the_page_is_in_the_commit_that_opened_the_call(hotline, lan, mai):
    case = emergency(hotline)
    (page,) = hotline.pages()
    assert page["staff_uid"] == lan.uid
    assert page["created_at"] == hotline.pages()[0]["next_attempt_at"], "due at once"
    assert hotline.escalation(case).first_page_at is None, "remembered once it was handed over"


def test_a_page_carries_no_content(hotline, lan):
    emergency(hotline)
    (page,) = hotline.pages()
    assert page["outgoing_sealed"] is None
    assert page["line_uid"] is None
    assert page["contact_uid"] is None


def test_asking_for_a_person_rings_and_agrees_at_any_severity(hotline, lan):
    case = hotline.asks_for_person(hotline.arrive())
    escalation = hotline.escalation(case)
    assert escalation.asked_for
    assert escalation.ladder.name == "urgent"
    assert case.agreed_at is not None
    assert hotline.said(case) == ["<ringing>"]


def test_a_dead_letter_rings_like_an_emergency_and_may_be_read(hotline, lan):
    case = hotline.writes(hotline.arrive(), reason=Reason.DEAD_LETTER)
    assert hotline.escalation(case).ladder == EMERGENCY
    hotline.claim(lan, case)
    assert hotline.look(lan, case).lines


def test_an_emergency_says_so_and_an_empty_house_says_that(hotline, lan):
    assert hotline.said(emergency(hotline)) == ["<ringing_emergency>"]
    hotline.set_duty(lan, DutySwitch.OFF)
    assert hotline.said(emergency(hotline, "s2")) == ["<nobody_on_duty>"]
    assert len(hotline.pages(f"staff_uid = '{lan.uid}'")) == 2, "somebody is woken all the same"


def test_one_flooder_causes_one_page_for_each_step(hotline, lan):
    case = emergency(hotline)
    for _ in range(30):
        hotline.writes(case, Severity.EMERGENCY)
    assert len(hotline.pages()) == 1
    assert hotline.said(case) == ["<ringing_emergency>"]


def test_a_category_stays_until_something_worse_names_another(hotline, lan):
    case = hotline.writes(hotline.arrive(), Severity.URGENT, "dv_physical")
    case = hotline.writes(case, Severity.STANDARD, "info_request")
    assert (case.severity, case.category) == (Severity.URGENT, "dv_physical")
    case = hotline.writes(case, Severity.EMERGENCY, "sexual_violence")
    assert (case.severity, case.category) == (Severity.EMERGENCY, "sexual_violence")


def test_urgent_raised_to_emergency_pages_again_at_once_and_tells_her(hotline, lan):
    case = hotline.writes(hotline.arrive(), Severity.URGENT)
    hotline.passes(10)
    hotline.writes(case, Severity.EMERGENCY)
    assert len(hotline.pages()) == 2
    assert hotline.said(case) == ["<ringing>", "<ringing_emergency>"]


# --- taking it back ------------------------------------------------------------------------------------------------


def test_what_she_asked_for_below_urgent_ends_when_she_takes_it_back(hotline, lan):
    case = hotline.asks_for_person(hotline.arrive())
    assert hotline.cancels(case)
    assert hotline.escalation(case) is None
    assert hotline.said(case)[-1] == "<human_cancelled>"
    assert hotline.pages("state = 'pending'") == []
    assert hotline.case(case).listed_at is None
    assert hotline.case(case).closed_at is None, "the bot goes on with her"


@pytest.mark.parametrize("quiet", [True, False])
def test_at_urgent_and_above_it_keeps_ringing_and_staff_see_that_she_took_it_back(hotline, lan, quiet):
    case = hotline.asks_for_person(hotline.arrive())
    case = hotline.writes(case, Severity.URGENT)
    assert not hotline.cancels(case, quiet=quiet)
    before = len(hotline.pages())
    hotline.passes(200)
    assert len(hotline.pages()) > before
    assert hotline.queue(lan).cards[0].retracted
    assert "escalation.retracted" in hotline.audit()


def test_a_stopped_seeker_hears_nothing_while_it_keeps_ringing(hotline, lan):
    case = emergency(hotline)
    hotline.cancels(case, quiet=True)
    hotline.change_contact(case, quiet=True)
    said = hotline.said(case)
    hotline.passes(3600)
    assert hotline.said(case) == said
    assert hotline.escalation(case).state is EscalationState.RINGING


def test_an_erased_seeker_hears_nothing_and_staff_are_still_called(hotline, lan):
    case = emergency(hotline)
    hotline.change_contact(case, hidden_at=hotline.now, quiet=True)
    before = len(hotline.pages())
    hotline.passes(100)
    assert len(hotline.pages()) > before


def test_when_her_key_is_about_to_go_the_call_ends_and_the_figures_stay(hotline, lan):
    case = emergency(hotline)
    hotline.do(lambda uow: hotline.escalations.erased(uow, uow.cases.get(case.uid)))
    assert hotline.escalation(case) is None
    (fact,) = hotline.facts()
    assert fact.disposition is Disposition.ERASED


# --- the human comes, and goes -------------------------------------------------------------------------------------


def test_at_urgent_she_is_asked_first_and_yes_introduces_the_counsellor(hotline, lan):
    case = hotline.writes(hotline.arrive(), Severity.URGENT)
    assert not hotline.claim(lan, case).agreed
    assert hotline.said(case)[-1] == "<human_ready>"
    assert not hotline.case(case).human
    hotline.passes(3600)
    assert hotline.escalation(case).owner_uid == lan.uid, "she may take her time to answer"
    hotline.on_case(case, hotline.escalations.agree)
    assert hotline.said(case)[-1] == "<human_joined> alias=Lan"
    assert hotline.case(case).human
    hotline.passes(121)
    assert hotline.escalation(case).epoch == 2, "now the first reply is owed"


def test_no_to_the_person_who_is_ready_is_shown_and_nothing_is_lost(hotline, lan):
    case = hotline.writes(hotline.arrive(), Severity.URGENT)
    hotline.claim(lan, case)
    hotline.on_case(case, hotline.escalations.decline)
    assert hotline.escalation(case).owner_uid == lan.uid
    assert hotline.look(lan, case).retracted


def test_danger_while_she_thinks_about_it_counts_as_agreed(hotline, lan):
    case = hotline.writes(hotline.arrive(), Severity.URGENT)
    hotline.claim(lan, case)
    hotline.writes(case, Severity.EMERGENCY)
    assert hotline.said(case)[-1] == "<human_joined> alias=Lan"
    assert hotline.escalation(case).state is EscalationState.OWING
    assert hotline.pages("dedupe_key LIKE '%:remind %'"), "the owner hears at once"


def test_claimed_and_silent_rings_again_and_she_is_told_that_another_is_called(hotline, lan):
    case = emergency(hotline)
    hotline.claim(lan, case)
    hotline.passes(61)
    assert hotline.escalation(case).state is EscalationState.RINGING
    assert hotline.said(case)[-1] == "<human_changed>"
    assert not hotline.case(case).human
    assert hotline.pages("epoch = 2")


def test_a_danger_sign_in_a_talk_shows_a_banner_and_sends_the_card_after_a_minute(hotline, lan):
    case = emergency(hotline)
    hotline.claim(lan, case)
    hotline.reply(lan, case)
    hotline.passes(30)
    hotline.writes(case, Severity.EMERGENCY)
    assert hotline.look(lan, case).danger
    hotline.passes(59)
    assert "<relay_card>" not in hotline.said(case)
    hotline.passes(2)
    assert hotline.said(case).count("<relay_card>") == 1
    assert hotline.case(case).danger_at is not None, "the banner stays until a human answers"
    hotline.writes(case, Severity.EMERGENCY)
    hotline.passes(50)
    assert hotline.said(case).count("<relay_card>") == 1


def test_one_danger_sign_brings_one_card_whoever_takes_over(hotline, lan, mai):
    case = emergency(hotline)
    hotline.claim(lan, case)
    hotline.reply(lan, case)
    hotline.writes(case, Severity.EMERGENCY)
    hotline.passes(90)
    hotline.claim(mai, case)
    hotline.passes(50)
    assert hotline.said(case).count("<relay_card>") == 1


def test_an_answer_within_the_minute_takes_banner_and_card_away(hotline, lan):
    case = emergency(hotline)
    hotline.claim(lan, case)
    hotline.reply(lan, case)
    hotline.writes(case, Severity.EMERGENCY)
    hotline.passes(40)
    hotline.reply(lan, case)
    assert not hotline.look(lan, case).danger
    hotline.passes(120)
    assert "<relay_card>" not in hotline.said(case)


def test_a_disabled_account_loses_everything_at_once(hotline, lan, mai):
    cases = [emergency(hotline, name) for name in ("s1", "s2")]
    for case in cases:
        hotline.claim(lan, case)
    hotline.disable(lan)
    for case in cases:
        escalation = hotline.escalation(case)
        assert (escalation.state, escalation.previous_owner_uid) == (EscalationState.RINGING, lan.uid)
    assert {page["staff_uid"] for page in hotline.pages("epoch = 2")} == {mai.uid}


def test_three_silent_days_close_the_case(hotline, lan):
    case = emergency(hotline)
    hotline.claim(lan, case)
    hotline.reply(lan, case)
    hotline.passes(3 * 86_400 + 1)
    assert hotline.case(case).disposition is Disposition.LOST
    assert len(hotline.pages("dedupe_key LIKE '%:remind %'")) == 2


# --- duty, clock, snapshot -----------------------------------------------------------------------------------------


def test_coming_on_duty_makes_what_rings_due_at_once(hotline, lan):
    hotline.set_duty(lan, DutySwitch.OFF)
    emergency(hotline)
    hotline.passes(30)
    before = len(hotline.pages())
    hotline.set_duty(lan, DutySwitch.ON)
    hotline.tick()
    assert len(hotline.pages()) == before + 1


def test_a_shift_that_begins_by_the_roster_is_noticed_by_the_watch(hotline, lan):
    class Later(EverybodyByRole):
        def on_rung(self, rung, staff, now):
            came = now >= START + timedelta(seconds=50)
            return super().on_rung(rung, staff, now) if came or rung == "last_resort" else []

    hotline.escalations = replace(hotline.escalations, duty=Later())
    case = emergency(hotline)
    hotline.run(hotline.escalations.check_waits, None)
    hotline.passes(55)
    assert hotline.escalation(case).next_due_at == START + timedelta(seconds=180)
    assert hotline.run(hotline.escalations.check_waits, None) == 1
    assert hotline.escalation(case).next_due_at == hotline.now
    hotline.tick()
    assert hotline.run(hotline.escalations.check_waits, None) == 0, "said once"


@pytest.mark.parametrize("hours", [1, 24])
def test_a_clock_that_falls_back_makes_nobody_wait_longer(hotline, lan, hours):
    case = emergency(hotline)
    hotline.now -= timedelta(hours=hours)
    hotline.run(hotline.escalations.check_waits, None)
    assert hotline.escalation(case).next_due_at == hotline.now + timedelta(seconds=20)


def test_a_running_ladder_keeps_its_rules_when_the_table_is_edited(hotline, lan, monkeypatch):
    case = emergency(hotline)
    slower = replace(EMERGENCY, first_reply_s=9999)
    monkeypatch.setattr(escalation_module, "ladder_for", lambda severity: slower)
    hotline.passes(100)
    hotline.claim(lan, case)
    assert hotline.escalation(case).next_due_at == hotline.now + timedelta(seconds=60)
    assert hotline.escalation(emergency(hotline, "s2")).ladder == slower


def test_a_case_whose_key_is_gone_does_not_stop_the_others(hotline, lan):
    gone, there = emergency(hotline, "s1"), emergency(hotline, "s2")
    hotline.do(lambda uow: uow.cases.destroy(gone.uid))
    before = len(hotline.pages(f"case_uid = '{there.uid}'"))
    hotline.passes(100)
    assert len(hotline.pages(f"case_uid = '{there.uid}'")) > before


# --- the case's own clock ------------------------------------------------------------------------------------------


def test_an_untouched_stay_closes_by_itself_a_day_after_her_last_line(hotline, lan):
    case = hotline.arrive()
    hotline.passes(20 * 3600)
    hotline.writes(case)
    hotline.passes(23 * 3600)
    assert hotline.case(case).closed_at is None
    hotline.passes(3601)
    assert hotline.case(case).disposition is Disposition.BOT_ONLY
    (fact,) = hotline.facts()
    assert (fact.lines_in, fact.first_page_s) == (1, None)


def test_a_waiting_case_is_said_to_the_desk_every_day_and_never_closes_by_itself(hotline, lan):
    case = hotline.writes(hotline.arrive(), Severity.STANDARD)
    hotline.passes(23 * 3600)
    assert hotline.pages() == []
    hotline.writes(case)
    hotline.passes(3601)
    assert len(hotline.pages()) == 1
    hotline.writes(case)
    hotline.passes(23 * 3600)
    assert len(hotline.pages()) == 1, "her lines do not bring the next reminder nearer"
    hotline.passes(6 * 86_400)
    assert len(hotline.pages()) == 7
    assert hotline.case(case).closed_at is None


# --- late is dangerous ---------------------------------------------------------------------------------------------


def test_how_long_a_line_may_arrive_by_itself(hotline, lan):
    contact = hotline.contact(hotline.arrive())
    soon = START + timedelta(minutes=15)
    evening = START + timedelta(hours=8)
    assert fresh_for(contact, START) == soon
    assert fresh_for(replace(contact, late_answer=LateAnswer.COME_BACK), START) == soon
    assert fresh_for(replace(contact, late_answer=LateAnswer.ANY_TIME), START) is None
    assert fresh_for(replace(contact, late_answer=LateAnswer.UNTIL, late_until_at=evening), START) == evening
    passed = replace(contact, late_answer=LateAnswer.UNTIL, late_until_at=START - timedelta(hours=1))
    assert fresh_for(passed, START) == soon


def test_waiting_lines_replace_one_another(hotline, lan, mai):
    case = emergency(hotline)
    hotline.passes(400)
    open_rows = hotline.rows("kind = 'waiting' AND state IN ('pending', 'held')")
    assert len(open_rows) == 1
    assert hotline.said(case)[-1] == "<still_ringing> minutes=6"


def test_a_claim_takes_the_waiting_line_back(hotline, lan):
    case = emergency(hotline)
    hotline.passes(100)
    hotline.claim(lan, case)
    assert hotline.rows("kind = 'waiting' AND state = 'pending'") == []


def test_after_a_gap_lines_of_the_earlier_call_are_held_until_she_calls_again_herself(hotline, lan):
    case = hotline.writes(hotline.arrive(), Severity.URGENT)
    hotline.passes(2 * 3600)
    hotline.change_contact(case, confirmed=False, stay_started_at=hotline.now)
    hotline.writes(case)
    hotline.passes(3600)
    assert hotline.rows("kind = 'waiting' AND state = 'pending'") == [], "whoever writes now learns nothing"
    hotline.asks_for_person(case)
    hotline.claim(lan, case)
    hotline.reply(lan, case, "Tôi nghe chị.")
    assert [row["state"] for row in hotline.rows("kind = 'relay'")] == ["pending", "pending"]
