"""Triage of a whole conversation: every message counts, severity only rises by machine, taking it back changes nothing."""

from __future__ import annotations

import pytest

from flows.severity import Severity
from handlers.model import EscalationState, Outgoing, Staff
from handlers.rules.ladder import EMERGENCY as EMERGENCY_LADDER
from handlers.rules.screening import PROBE, Sign, Verdict
from handlers.rules.standing import IN_A_ROW, with_those_before
from tests.fakes.road import EMERGENCY, URGENT, Road

WORRIES = (
    "chồng em dọa giết em nếu em bỏ đi",
    "tháng trước chồng em bóp cổ em, giờ em vẫn ở chung nhà với anh ấy",
    "ngày nào anh ấy cũng đánh em",
)
NEUTRAL = "hôm nay trời đẹp quá"
PROBES = (
    "Vợ tôi có nhắn tin cho bên này không?",
    "vk toi dang o dau",
    "cho tôi xin địa chỉ nhà tạm lánh",
    "Tôi là công an huyện, đề nghị cung cấp thông tin người đã nhắn tối qua",
    "nó kể gì về tôi ở đây",
)


@pytest.fixture
def hoa(road: Road) -> Staff:
    return road.hire("tuvan", alias="Hoa")


def said(road: Road, who: str) -> list[tuple[str, tuple[str, ...]]]:
    """All she has been sent so far, byte for byte: text and labels of the buttons."""
    sent: list[Outgoing] = road.got[who]
    return [(one.text, tuple(button.label for button in one.buttons)) for one in sent]


def talking(road: Road, staff: Staff) -> None:
    """A human talks with her, and has answered."""
    road.types("a", "gặp người")
    road.presses("a", "Chỉ lúc này")
    road.says(staff, road.meets("a", staff), "Chị đây.")
    assert road.case_of("a").human


# --- the rule itself --------------------------------------------------------------------------------------------------


def verdict(severity: Severity, category: str = "dv_physical") -> Verdict:
    return Verdict(severity, category, (Sign("violence", "đánh", "U3"),))


def severities(*texts: tuple[str, Severity]) -> list[Severity]:
    found, row = [], 0
    for text, severity in texts:
        raised, row = with_those_before(verdict(severity), text, row)
        found.append(raised.severity)
    return found


def test_the_third_urgent_message_in_a_row_is_an_emergency_and_says_why():
    raised, row = with_those_before(verdict(Severity.URGENT), "ngày nào cũng đánh em", IN_A_ROW - 1)
    assert raised.severity is Severity.EMERGENCY
    assert [sign.name for sign in raised.signs] == ["urgent_again", "violence"]
    assert row == 0  # what follows is counted anew: not every further line is a new alarm


def test_a_calm_sentence_breaks_the_row_and_a_short_word_does_not():
    urgent, calm = Severity.URGENT, Severity.NONE
    worried = ("em sợ anh ấy giết em", urgent)
    assert severities(worried, worried, ("chị ơi", calm), worried)[-1] is Severity.EMERGENCY
    assert severities(worried, worried, ("hôm nay em đi chợ mua rau", calm), worried)[-1] is urgent
    assert severities(worried, worried, ("cho em hỏi số điện thoại", Severity.INFO), worried)[-1] is urgent


def test_asking_after_somebody_neither_counts_nor_breaks_the_row():
    probe = verdict(Severity.URGENT, PROBE)
    row = 0
    for _ in range(5):
        same, row = with_those_before(probe, "vợ tôi đang ở đâu", row)
        assert same.severity is Severity.URGENT
    assert row == 0
    assert with_those_before(probe, "vợ tôi đang ở đâu", 2) == (probe, 2)


def test_a_button_is_no_message_of_the_row():
    assert with_those_before(Verdict(Severity.NONE, "unrelated"), "", 2)[1] == 2


# --- the whole road ---------------------------------------------------------------------------------------------------


def test_every_message_is_weighed_and_severity_only_rises(road: Road):
    road.starts("a")
    road.types("a", "chồng em hay chửi mắng em")
    assert road.case_of("a").severity is Severity.STANDARD
    road.types("a", URGENT)
    assert road.case_of("a").severity is Severity.URGENT
    road.types("a", NEUTRAL)
    road.types("a", "cho em hỏi ly hôn nộp đơn ở đâu")
    assert road.case_of("a").severity is Severity.URGENT
    road.types("a", EMERGENCY)
    assert road.case_of("a").severity is Severity.EMERGENCY
    road.types("a", NEUTRAL)
    assert road.case_of("a").severity is Severity.EMERGENCY


def test_three_urgent_messages_in_a_row_ring_like_an_emergency(road: Road, hoa: Staff):
    road.starts("a")
    for worry in WORRIES[:2]:
        road.types("a", worry)
    case = road.case_of("a")
    assert case.severity is Severity.URGENT
    road.types("a", WORRIES[2])
    case = road.case_of("a")
    assert case.severity is Severity.EMERGENCY
    escalation = road.escalation(case)
    assert escalation is not None
    assert escalation.ladder.name == EMERGENCY_LADDER.name
    assert any("113" in text for text, _ in said(road, "a"))  # and she gets the card
    assert "urgent_again" in [name for name, _ in case.summary.signs]


def test_urgent_messages_with_calm_ones_between_do_not_add_up(road: Road):
    road.starts("a")
    for worry in WORRIES:
        road.types("a", worry)
        road.types("a", NEUTRAL)
    assert road.case_of("a").severity is Severity.URGENT


def test_three_urgent_messages_raise_the_banner_in_a_live_talk(road: Road, hoa: Staff):
    road.starts("a")
    talking(road, hoa)
    for worry in WORRIES:
        assert road.case_of("a").danger_at is None
        road.types("a", worry)
    case = road.case_of("a")
    assert case.severity is Severity.EMERGENCY
    assert case.danger_at is not None


@pytest.mark.parametrize("back", ["em nhắn nhầm, không có gì đâu ạ", "em nhan nham, khong co gi dau a"])
@pytest.mark.parametrize(("worry", "severity"), [(EMERGENCY, Severity.EMERGENCY), (URGENT, Severity.URGENT)])
def test_taking_it_back_cancels_nothing_and_staff_see_it(
    road: Road, hoa: Staff, worry: str, severity: Severity, back: str
):
    road.starts("a")
    road.types("a", worry)
    road.types("a", back)
    case = road.case_of("a")
    escalation = road.escalation(case)
    assert case.severity is severity
    assert case.retracted_at is not None
    assert escalation is not None
    assert escalation.state is EscalationState.RINGING


def test_taking_it_back_first_thing_is_nothing(road: Road):
    road.starts("a")
    road.types("a", "em nhắn nhầm, không có gì đâu ạ")
    case = road.case_of("a")
    assert (case.severity, case.retracted_at) == (Severity.NONE, None)


def test_what_she_chooses_joins_in_with_what_she_writes(road: Road, hoa: Staff):
    road.starts("a")
    road.presses("a", "Có")
    road.presses("a", "Tôi")
    road.presses("a", "Bị chửi, bị dọa")
    road.types("a", "chồng em hay chửi mắng em")
    assert road.case_of("a").severity is Severity.STANDARD
    road.presses("a", "Chuyện đang xảy ra")
    assert road.case_of("a").severity is Severity.EMERGENCY
    road.types("a", NEUTRAL)
    assert road.case_of("a").severity is Severity.EMERGENCY


# --- somebody asks after somebody -------------------------------------------------------------------------------------


@pytest.mark.parametrize("probe", PROBES)
def test_a_probe_hears_what_anybody_hears_whether_she_wrote_or_not(road: Road, hoa: Staff, probe: str):
    """Byte for byte the same, before and after somebody who could be meant has written, at once and later."""
    road.starts("calm")
    road.types("calm", NEUTRAL)
    road.starts("before")
    road.types("before", probe)
    road.starts("her")
    road.types("her", URGENT)
    road.starts("after")
    road.types("after", probe)
    assert said(road, "before") == said(road, "calm")
    assert said(road, "after") == said(road, "calm")
    road.waits(minutes=4)
    assert said(road, "after") == said(road, "calm")


@pytest.mark.parametrize("probe", PROBES)
def test_a_human_looks_at_a_probe(road: Road, hoa: Staff, probe: str):
    road.starts("a")
    road.types("a", probe)
    case = road.case_of("a")
    escalation = road.escalation(case)
    assert (case.severity, case.category) == (Severity.URGENT, PROBE)
    assert "place_probe" in [name for name, _ in case.summary.signs]
    assert escalation is not None
    assert escalation.state is EscalationState.RINGING
    assert road.pages()


def test_probes_again_and_again_hear_what_anybody_hears_who_is_not_understood(road: Road, hoa: Staff):
    road.starts("a")
    road.starts("calm")
    for probe in PROBES:
        road.types("a", probe)
        road.types("calm", NEUTRAL)
    assert road.case_of("a").severity is Severity.URGENT
    assert said(road, "a") == said(road, "calm")


def test_a_threat_in_a_probe_is_an_emergency_like_any(road: Road, hoa: Staff):
    road.starts("a")
    road.types("a", "nói mau vợ tôi ở đâu không tối nay tôi giết cả nhà nó")
    assert road.case_of("a").severity is Severity.EMERGENCY


def test_a_probe_during_a_live_talk_is_shown_to_the_counsellor_and_the_machine_stays_silent(road: Road, hoa: Staff):
    road.starts("a")
    talking(road, hoa)
    before = said(road, "a")
    road.types("a", PROBES[0])
    assert said(road, "a") == before
    assert "place_probe" in [name for name, _ in road.case_of("a").summary.signs]


def test_who_asks_for_a_person_after_a_probe_is_told_like_anybody(road: Road, hoa: Staff):
    road.starts("a")
    road.types("a", PROBES[0])
    road.types("a", "gặp người")
    road.presses("a", "Chỉ lúc này")
    assert road.case_of("a").asked_at is not None
    assert road.worlds.say("ringing") in [text for text, _ in said(road, "a")]
