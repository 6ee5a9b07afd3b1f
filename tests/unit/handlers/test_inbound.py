"""One message from its storing to the commit that answers it: what is kept, who is greeted, when the machine is silent."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from flows.effects import Failed
from flows.severity import Severity
from handlers import accepting
from handlers.guarding import RETRY_AFTER, TRIES
from handlers.inbound import Failure, Inbound
from handlers.model import Address, EscalationState, MessageKind, OutboxState, Outcome, Staff
from handlers.outgoing import AGREE, DECLINE
from handlers.shown import CODE_TYPED, JOINED, UNREADABLE
from handlers.turn import Turn
from tests.fakes.road import EMERGENCY, URGENT, Road

GAP = timedelta(minutes=45)


@pytest.fixture
def hoa(road: Road) -> Staff:
    return road.hire("tuvan", alias="Hoa")


# --- storing ----------------------------------------------------------------------------------------------------------


def test_a_redelivery_is_known_also_within_one_call(road: Road) -> None:
    message = road.message("a", MessageKind.TEXT, text="chào", message_id="same")
    assert road.accepts(message, message) == [True, False]
    road.settles()
    assert road.accepts(message) == [False]
    assert road.came_in() == ["chào"]
    assert road.find("a").pending == 0


def test_a_point_becomes_communes_and_is_nowhere_kept(road: Road) -> None:
    road.starts("a")
    road.sends("a", MessageKind.LOCATION, point=(22.386432, 103.458765))
    case = road.case_of("a")
    assert any(text.startswith("▸ vị trí: gần") for text in road.transcript(case))
    dump = "\n".join(line for line in road.connection.iterdump() if not line.startswith("INSERT INTO content"))
    assert "22.386" not in dump
    assert "103.458" not in dump
    row = road.do(lambda uow: uow.inbox.oldest([case.contact_uid]))
    assert row == {}


def test_a_stored_location_holds_communes_only(road: Road) -> None:
    road.starts("a")
    road.accepts(road.message("a", MessageKind.LOCATION, point=(22.386432, 103.458765)))
    stored = road.do(lambda uow: uow.inbox.oldest([road.find("a").uid]))[road.find("a").uid].message
    assert stored.communes
    assert "22.3864" not in repr(stored)


def test_a_point_far_away_is_answered(road: Road) -> None:
    road.starts("a")
    before = len(road.texts("a"))
    road.sends("a", MessageKind.LOCATION, point=(10.77, 106.70))
    assert "▸ vị trí: ngoài tỉnh" in road.transcript(road.case_of("a"))
    assert len(road.texts("a")) > before


@pytest.fixture
def small_limit(monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setattr(accepting, "MAX_A_DAY", 4)
    monkeypatch.setattr(accepting, "MORE_IN_DANGER", 2)
    return 4


def test_a_flood_is_said_once_and_ends_with_the_day(road: Road, small_limit: int) -> None:
    for number in range(small_limit + 3):
        road.types("a", f"dòng {number}")
    assert road.came_in() == [f"dòng {number}" for number in range(small_limit)]
    assert road.texts("a").count(road.worlds.say("flood")) == 1
    road.now += timedelta(days=1)
    road.types("a", "dòng của hôm sau")
    assert road.came_in()[-1] == "dòng của hôm sau"


def test_danger_rings_also_in_a_flood(road: Road, small_limit: int, hoa: Staff) -> None:
    for _ in range(small_limit + 2):
        road.types("a", "alo")
    road.types("a", EMERGENCY)
    assert road.came_in()[-1] == EMERGENCY
    assert road.case_of("a").severity is Severity.EMERGENCY
    for _ in range(5):
        road.types("a", EMERGENCY)
    assert road.came_in().count(EMERGENCY) == 2  # and no more than that a day
    assert road.texts("a").count(road.worlds.say("flood")) == 1


def test_one_flood_in_one_call_is_cut_at_the_same_place(road: Road, small_limit: int) -> None:
    road.accepts(*[road.message("a", MessageKind.TEXT, text=f"dòng {number}") for number in range(small_limit + 5)])
    assert road.find("a").pending == small_limit


# --- beginning, and beginning again ---------------------------------------------------------------------------------------


def test_start_pressed_twice_quickly_greets_once(road: Road) -> None:
    road.starts("a")
    greeting = road.texts("a")
    road.now += timedelta(seconds=3)
    road.starts("a")
    assert road.texts("a") == greeting
    road.presses("a", "Có")
    assert len(road.texts("a")) > len(greeting)


def test_start_in_the_middle_of_a_flow_begins_anew(road: Road) -> None:
    """Somebody else may hold the phone: the open question is not repeated to whoever presses start."""
    road.starts("a")
    greeting = road.texts("a")
    road.presses("a", "Có")
    before = len(road.texts("a"))
    road.now += timedelta(seconds=2)
    road.starts("a")
    assert road.texts("a")[before:] == greeting


def test_start_during_a_human_talk_changes_nothing(road: Road, hoa: Staff) -> None:
    road.types("a", EMERGENCY)
    case = road.meets("a", hoa)
    road.says(hoa, case, "Chị đây.")
    session, before = road.find("a").session, len(road.texts("a"))
    road.starts("a")
    assert road.find("a").session == session
    assert len(road.texts("a")) == before
    assert road.case(case).human


def test_start_while_a_human_is_called_keeps_the_call(road: Road, hoa: Staff) -> None:
    road.types("a", "gặp người")
    road.presses("a", "Chỉ lúc này")
    case = road.case_of("a")
    road.starts("a")
    assert road.escalation(case) is not None
    road.meets("a", hoa)
    assert "Hoa" in road.last("a")


@pytest.mark.parametrize("first", ["chào", URGENT, EMERGENCY, "gặp người", "dừng", "xóa", "cứu với"])
@pytest.mark.parametrize("before", ["flow", "ringing", "talking", "stopped", "agreed to wait"])
def test_after_a_gap_she_hears_what_anybody_would_hear(road: Road, hoa: Staff, before: str, first: str) -> None:
    road.types("new", first)
    expected = road.texts("new")
    road.types("a", EMERGENCY if before == "talking" else URGENT if before in ("ringing", "stopped") else "chào")
    if before == "talking":
        road.says(hoa, road.meets("a", hoa), "Chị đây.")
    elif before == "stopped":
        road.types("a", "dừng")
    elif before == "agreed to wait":
        road.types("a", "gặp người")
        road.presses("a", "Lúc nào cũng được")
    road.waits(minutes=45)
    told = len(road.texts("a"))
    road.types("a", first)
    assert road.texts("a")[told:][: len(expected)] == expected


@pytest.mark.parametrize("data", [AGREE, DECLINE])
def test_an_old_button_of_ours_says_nothing_after_a_gap(road: Road, hoa: Staff, data: str) -> None:
    road.sends("new", MessageKind.CHOICE, choice=data)
    expected = road.texts("new")
    road.types("a", URGENT)
    road.meets("a", hoa)
    road.waits(minutes=45)
    told = len(road.texts("a"))
    road.sends("a", MessageKind.CHOICE, choice=data)
    assert road.texts("a")[told:] == expected
    assert road.case_of("a").agreed_at is None


def test_a_wish_about_late_answers_ends_with_its_stay(road: Road, hoa: Staff) -> None:
    road.types("a", "gặp người")
    road.presses("a", "Lúc nào cũng được")
    assert road.find("a").late_answer == "any_time"
    road.now += GAP
    road.types("a", "chào")
    assert road.find("a").late_answer == "only_now"


def test_a_flow_that_was_never_finished_does_not_hold_back_a_later_call(road: Road, hoa: Staff) -> None:
    """Nobody was called before the gap: she is told that somebody is called now, and told again while nobody comes."""
    road.types("a", "chào")
    road.now += GAP
    road.types("a", URGENT)
    assert road.worlds.say("ringing") in road.texts("a")
    road.waits(minutes=6)
    assert any(text == road.worlds.say("still_ringing", minutes="1") for text in road.texts("a"))


def test_a_late_line_of_this_stay_comes_when_she_writes_again(road: Road, hoa: Staff) -> None:
    """After a gap she asks for a person; the answer comes late and is held; her next line brings it, and nothing older."""
    road.types("a", EMERGENCY)
    case = road.meets("a", hoa)
    road.says(hoa, case, "Câu của lần trước.")
    road.now += timedelta(minutes=20)
    road.says(hoa, case, "Câu giữ lại của lần trước.")
    road.now += GAP
    road.types("a", "gặp người")
    road.presses("a", "Chỉ lúc này")
    road.now += timedelta(minutes=16)
    road.says(hoa, case, "Câu của lần này.")
    assert "Câu của lần này." not in road.texts("a")
    road.types("a", "em đây")
    assert "Câu của lần này." in road.texts("a")
    assert "Câu giữ lại của lần trước." not in road.texts("a")


# --- while a human talks ----------------------------------------------------------------------------------------------------


def talking(road: Road, hoa: Staff) -> Any:
    road.types("a", EMERGENCY)
    case = road.meets("a", hoa)
    road.says(hoa, case, "Chị đây.")
    return case


@pytest.mark.parametrize("kind", [MessageKind.TEXT, MessageKind.UNSUPPORTED, MessageKind.LOCATION, MessageKind.CHOICE])
def test_the_machine_is_silent_while_a_human_talks_and_every_line_is_kept(road: Road, hoa: Staff, kind: Any) -> None:
    case = talking(road, hoa)
    said, lines = len(road.texts("a")), len(road.transcript(case))
    point = (22.386, 103.458) if kind is MessageKind.LOCATION else None
    road.sends("a", kind, text="có" if kind is MessageKind.TEXT else "", choice="x-1.0", point=point)
    assert len(road.texts("a")) == said
    assert len(road.transcript(case)) == lines + 1
    assert road.escalation(case).state is EscalationState.OWING


def test_help_works_in_a_talk_and_only_stop_of_its_card_is_taken(road: Road, hoa: Staff) -> None:
    case = talking(road, hoa)
    road.types("a", "cứu với")
    assert "113" in road.last("a")
    said = len(road.texts("a"))
    go_on = road.button("a", "Nhắn tiếp ở đây")
    road.sends("a", MessageKind.CHOICE, choice=go_on.data)
    assert len(road.texts("a")) == said
    road.types("a", "cứu với")
    stop = road.button("a", "Dừng ở đây")
    road.sends("a", MessageKind.CHOICE, choice=stop.data)
    assert "dừng ở đây" in road.last("a")
    assert road.find("a").quiet
    assert road.case(case).retracted_at is not None
    assert road.escalation(case) is not None


def test_stop_in_a_talk_holds_the_counsellors_lines(road: Road, hoa: Staff) -> None:
    case = talking(road, hoa)
    road.types("a", "dừng")
    said = len(road.texts("a"))
    assert road.says(hoa, case, "Em ổn không?").held
    road.waits(minutes=5)
    assert len(road.texts("a")) == said
    road.types("a", "em đây")
    assert road.texts("a")[said:] == ["Em ổn không?"]


def test_an_offer_is_answered_once(road: Road, hoa: Staff) -> None:
    road.types("a", URGENT)
    case = road.meets("a", hoa)
    assert road.last("a") == road.worlds.say("human_ready")
    no = road.button("a", "Không").data
    road.types("a", "dạ có ạ")
    assert road.case(case).agreed_at is not None
    assert "Hoa" in road.last("a")
    road.sends("a", MessageKind.CHOICE, choice=no)  # the other button, pressed later by mistake
    assert road.case(case).human
    assert road.case(case).retracted_at is None


@pytest.mark.parametrize(("number", "agreed"), [("1", True), ("2.", False)])
def test_an_offer_is_answered_by_the_number_printed_before_the_choice(
    road: Road, hoa: Staff, number: str, agreed: bool
) -> None:
    road.types("a", URGENT)
    case = road.meets("a", hoa)
    road.types("a", number)
    assert (road.case(case).agreed_at is not None) is agreed
    assert (road.case(case).retracted_at is None) is agreed


def test_a_number_answers_the_flow_once_the_offer_is_not_the_newest_line(road: Road, hoa: Staff) -> None:
    road.types("a", URGENT)
    case = road.meets("a", hoa)
    road.types("a", "nhắc lại")  # the flow asks its own question again
    assert road.last("a") != road.worlds.say("human_ready")
    road.types("a", "2")
    assert road.case(case).retracted_at is None, "the second choice of the flow, not the second of the offer"


@pytest.mark.parametrize("text", ["gặp người", "dạ em muon noi chuyen a", "cho em gặp ai đó"])
def test_who_asks_for_a_person_where_one_is_ready_has_agreed(road: Road, hoa: Staff, text: str) -> None:
    road.types("a", URGENT)
    case = road.meets("a", hoa)
    road.types("a", text)
    assert road.case(case).agreed_at is not None
    assert "Hoa" in road.last("a")


def test_what_she_asks_is_answered_and_rings_nobody(road: Road, hoa: Staff) -> None:
    road.types("a", "em muốn ly hôn thì cần giấy tờ gì")
    road.presses("a", "Có")
    assert "bạn đang hỏi về luật" in road.last("a")
    road.presses("a", "Không phải vậy")
    assert "Ai đang cần giúp?" in road.last("a")
    road.types("a", "tram y te o dau")
    assert "bạn đang hỏi nơi giúp" in road.last("a")
    case = road.case_of("a")
    assert road.do(lambda uow: uow.escalations.open_of([case.uid])) == {}


def test_a_probe_that_sounds_like_a_question_is_answered_like_anybodys(road: Road, hoa: Staff) -> None:
    road.types("a", "chào")
    road.presses("a", "Có")
    road.types("a", "vợ tôi có nhắn vào đây không, nhà tạm lánh ở đâu")
    assert "nơi giúp" not in road.last("a")


@pytest.mark.parametrize("begun", [True, False], ids=["the flow asks something", "the flow offers too"])
def test_a_sentence_at_the_offer_is_answered_and_one_offer_stands_below_it_once(
    road: Road, hoa: Staff, begun: bool
) -> None:
    if not begun:
        road.starts("a")
    road.types("a", URGENT)
    case = road.meets("a", hoa)
    assert road.last("a") == road.worlds.say("human_ready")
    again = road.worlds.say("human_ready_again")
    for number, words in enumerate(("chồng em hay uống rượu", "con em còn nhỏ")):
        road.now += timedelta(seconds=30)
        before = len(road.texts("a"))
        road.types("a", words)
        offers = [text for text in road.texts("a")[before:] if "người thật không" in text or text == again]
        assert len(offers) == (0 if begun and number else 1)
        assert road.case(case).agreed_at is None
    road.types("a", "gặp người")
    assert road.case(case).agreed_at is not None


def test_a_no_to_the_flows_own_question_sends_nobody_away(road: Road, hoa: Staff) -> None:
    road.types("a", URGENT)  # greeted, and asked whether it is safe to write
    case = road.meets("a", hoa)
    road.types("a", "nhắc lại")
    assert "an toàn không" in road.last("a")
    road.types("a", "không")
    assert road.case(case).retracted_at is None
    assert road.case(case).severity is Severity.EMERGENCY
    assert "Hoa" in road.last("a")  # who may read now


def test_the_number_under_the_shorter_offer_answers_it(road: Road, hoa: Staff) -> None:
    road.types("a", URGENT)
    case = road.meets("a", hoa)
    road.now += timedelta(seconds=30)
    road.types("a", "chồng em hay uống rượu")
    road.types("a", "1")
    assert road.case(case).agreed_at is not None


@pytest.mark.parametrize("text", ["dừng", "xóa", EMERGENCY, "gặp nữ", "không"])
def test_what_settles_the_offer_does_not_bring_it_again(road: Road, hoa: Staff, text: str) -> None:
    road.types("a", URGENT)
    road.meets("a", hoa)
    before = len(road.texts("a"))
    road.types("a", text)
    assert road.worlds.say("human_ready_again") not in road.texts("a")[before:]


def test_asking_for_a_person_is_never_met_with_silence(road: Road, hoa: Staff) -> None:
    road.types("a", URGENT)  # somebody is being called already
    road.types("a", "gặp người")
    before = len(road.texts("a"))
    road.presses("a", "Chỉ lúc này")
    assert road.texts("a")[before:] == [road.worlds.say("ringing")]


@pytest.mark.parametrize("text", ["em vẫn ở đây", "em van o day", "vâng em vẫn ở đây ạ"])
def test_who_says_while_she_waits_that_she_is_there_is_heard_and_rings_nobody_anew(
    road: Road, hoa: Staff, text: str
) -> None:
    road.types("a", "gặp người")
    road.presses("a", "Chỉ lúc này")
    pages = len(road.pages())
    road.now += timedelta(seconds=20)
    road.types("a", text)
    assert road.last("a") == road.worlds.say("choose_again_called")
    assert len(road.pages()) == pages
    said = len(road.texts("a"))
    road.now += timedelta(seconds=20)
    road.types("a", text)
    assert len(road.texts("a")) == said, "once is enough; she is told when somebody is there"


def test_a_code_typed_on_the_pages_form_is_no_line_of_the_transcript(road: Road) -> None:
    road.starts("a")
    road.sends("a", MessageKind.CODE, text="0123 4567 8901")
    assert CODE_TYPED in road.transcript(road.case_of("a"))
    assert "0123 4567 8901" not in road.transcript(road.case_of("a"))


# --- severity ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("state", ["flow", "ringing", "claimed", "talking", "stopped", "closed", "after a gap"])
def test_danger_rings_in_every_state(road: Road, hoa: Staff, state: str) -> None:
    road.starts("a")
    if state in ("ringing", "claimed", "talking"):
        road.types("a", URGENT)
    if state in ("claimed", "talking"):
        case = road.meets("a", hoa)
        if state == "talking":
            road.types("a", "có")
            road.says(hoa, case, "Chị đây.")
    elif state == "stopped":
        road.types("a", "dừng")
    elif state == "closed":
        road.types("a", URGENT)
        road.close_case(hoa, road.meets("a", hoa))
    elif state == "after a gap":
        road.types("a", URGENT)
        road.now += GAP
    road.types("a", EMERGENCY)
    case = road.case_of("a")
    assert case.severity is Severity.EMERGENCY
    assert road.escalation(case).ladder.name == "emergency"


def test_severity_never_falls_by_what_she_writes(road: Road, hoa: Staff) -> None:
    road.types("a", EMERGENCY)
    for text in ("em ổn rồi", "không sao đâu", "chào", "dừng", "xóa"):
        road.types("a", text)
    severities = {row["severity"] for row in road.select("SELECT severity FROM cases ORDER BY id LIMIT 1")}
    assert severities == {"emergency"}


# --- blocked, gone, erased --------------------------------------------------------------------------------------------------


def test_who_blocks_us_is_unreachable_until_she_writes(road: Road, hoa: Staff) -> None:
    case = talking(road, hoa)
    road.sends("a", MessageKind.BLOCKED)
    assert road.find("a").blocked_at is not None
    assert not road.look(hoa, case).reachable
    road.types("a", "em mở lại rồi")
    assert road.find("a").blocked_at is None
    assert "em mở lại rồi" in road.transcript(case)
    assert not road.says(hoa, case, "Chị vẫn đây.").held


def test_who_blocks_us_without_a_word_is_forgotten_in_time(road: Road) -> None:
    road.sends("a", MessageKind.BLOCKED)
    assert road.find("a").erase_at == road.now + timedelta(days=30)


def test_what_she_writes_right_after_delete_is_answered_like_anybodys(road: Road, hoa: Staff) -> None:
    """Both were accepted before the first was handled: the second must neither be lost nor call the erasing off."""
    road.starts("a")
    greeting = road.texts("a")
    first = road.find("a")
    road.accepts(
        road.message("a", MessageKind.TEXT, text="xóa"),
        road.message("a", MessageKind.TEXT, text="chào"),
        road.message("a", MessageKind.TEXT, text=EMERGENCY),
    )
    before = len(road.texts("a"))
    road.settles()
    hidden = road.do(lambda uow: uow.contacts.get(first.uid))
    assert hidden.hidden_at is not None
    assert hidden.erase_at == road.now + timedelta(hours=24)
    assert hidden.pending == 0
    again = road.find("a")
    assert again.uid != first.uid
    assert road.transcript(road.case_of("a"))[0] == "chào"
    assert road.case_of("a").severity is Severity.EMERGENCY
    assert [text for text in road.texts("a")[before:] if text in greeting] == greeting


def test_erasing_stops_what_was_still_on_its_way(road: Road, hoa: Staff) -> None:
    case = talking(road, hoa)
    road.reply(hoa, case, "Một dòng chưa đi.")  # saved, not sent yet
    road.accepts(road.message("a", MessageKind.TEXT, text="xóa"))
    road.handles(road.find("a").uid)
    road.delivers()
    assert "Một dòng chưa đi." not in road.texts("a")
    assert road.rows("kind = 'relay' AND state = 'cancelled'")


def test_words_beside_a_picture_are_screened_and_answered(road: Road, hoa: Staff) -> None:
    road.sends("a", MessageKind.UNSUPPORTED, text=EMERGENCY)
    assert road.case_of("a").severity is Severity.EMERGENCY
    assert road.transcript(road.case_of("a"))[0] == f"{UNREADABLE}: {EMERGENCY}"


def test_who_follows_the_account_is_greeted_and_nobody_is_disturbed_by_it(road: Road, hoa: Staff) -> None:
    road.sends("a", MessageKind.JOINED)
    greeting = road.texts("a")
    assert greeting
    road.presses("a", "Có")
    said = len(road.texts("a"))
    road.sends("a", MessageKind.JOINED)  # in the middle of the talk
    assert len(road.texts("a")) == said
    assert JOINED in road.transcript(road.case_of("a"))
    road.waits(minutes=45)
    before = len(road.texts("a"))
    road.sends("a", MessageKind.JOINED)
    assert road.texts("a")[before:][: len(greeting)] == greeting


def test_following_the_account_during_a_human_talk_changes_nothing(road: Road, hoa: Staff) -> None:
    case = talking(road, hoa)
    said = len(road.texts("a"))
    road.sends("a", MessageKind.JOINED)
    assert len(road.texts("a")) == said
    assert road.case(case).human


def test_consent_withdrawn_on_the_platform_erases_without_a_word(road: Road, hoa: Staff) -> None:
    road.types("a", "chào")
    road.presses("a", "Có")
    said, case = len(road.texts("a")), road.case_of("a")
    uid = road.find("a").uid
    road.sends("a", MessageKind.WITHDRAWN)
    assert len(road.texts("a")) == said
    hidden = road.do(lambda uow: uow.contacts.get(uid))
    assert hidden.hidden_at == road.now
    assert hidden.erase_at == road.now + timedelta(hours=24)
    assert road.case(case).closed_at is not None
    road.waits(hours=25)
    with pytest.raises(KeyError):
        road.do(lambda uow: uow.contacts.get(uid))
    with pytest.raises(KeyError):
        road.case(case)


def test_withdrawing_does_not_cancel_a_call_for_help(road: Road, hoa: Staff) -> None:
    road.types("a", EMERGENCY)
    case = road.case_of("a")
    road.sends("a", MessageKind.WITHDRAWN)
    assert road.case(case).retracted_at is not None
    escalation = road.escalation(case)
    assert escalation is not None
    assert escalation.state is EscalationState.RINGING
    road.types("a", "chào")  # who writes after it is greeted like anybody
    assert road.case_of("a").uid != case.uid


def test_who_withdraws_without_having_written_is_forgotten(road: Road) -> None:
    road.sends("a", MessageKind.WITHDRAWN)
    assert road.texts("a") == []
    road.waits(hours=25)
    assert road.do(lambda uow: uow.contacts.find(Address("tg", "a"))) is None


@pytest.mark.parametrize("minutes", [20, 45])
def test_what_could_not_go_out_in_time_does_not_hold_up_the_answer_to_her_next_line(
    road: Road, hoa: Staff, minutes: int
) -> None:
    """The platform or the service was away, and she writes before anybody has looked: her answer comes all the same."""
    road.types("a", EMERGENCY)
    road.outcome = Outcome.RETRY
    road.types("a", "em đây")
    road.now += timedelta(minutes=minutes)
    road.tick()  # waiting lines for her, too late already when they are written
    road.accepts(road.message("a", MessageKind.TEXT, text="nhắc lại"))
    road.handles(road.find("a").uid)
    road.outcome = Outcome.SENT
    before = len(road.texts("a"))
    road.delivers()
    assert len(road.texts("a")) > before


def test_whom_the_platform_does_not_let_us_hear_gets_numbers_and_another_door(road: Road, hoa: Staff) -> None:
    road.inbound._page = "https://example.org"
    road.sends("a", MessageKind.WITHHELD)
    first, second = road.texts("a")
    assert "111" in first
    assert "https://example.org" in second
    assert road.case_of("a").severity is Severity.NONE
    road.types("a", "em đây")  # a word of hers came through: she is greeted like anybody
    assert "máy" in road.texts("a")[2]


def test_in_a_human_talk_the_machine_stays_silent_also_about_what_is_withheld(road: Road, hoa: Staff) -> None:
    case = talking(road, hoa)
    said = len(road.texts("a"))
    road.sends("a", MessageKind.WITHHELD)
    assert len(road.texts("a")) == said
    assert "không cho đọc" in road.transcript(case)[-1]


# --- the guard --------------------------------------------------------------------------------------------------------------


@pytest.fixture
def broken(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every message fails in the flow."""

    def fails(*_: Any) -> None:
        raise RuntimeError("a bug of ours")

    monkeypatch.setattr(Inbound, "_through_the_flow", fails)


def test_the_third_failure_calls_a_human_within_seconds(road: Road, hoa: Staff, broken: None) -> None:
    road.types("a", "máy hỏng rồi")
    assert road.texts("a") == []
    road.waits(seconds=sum(wait.total_seconds() for wait in RETRY_AFTER) + 0.1)
    assert road.texts("a")[0] == road.worlds.say("safety_text")
    case = road.case_of("a")
    assert road.transcript(case)[0] == "máy hỏng rồi"
    assert road.escalation(case).ladder.name == "emergency"
    assert case.agreed_at is not None
    assert road.select("SELECT state, attempts FROM inbox") == [{"state": "dead", "attempts": TRIES}]
    assert road.find("a").erase_at == road.find("a").last_inbound_at + timedelta(days=30)
    assert road.find("a").stay_started_at is not None


@pytest.mark.parametrize(
    ("kind", "line"),
    [
        (MessageKind.START, "▸ mở cuộc trò chuyện"),
        (MessageKind.CHOICE, "▸ một lựa chọn"),
        (MessageKind.LOCATION, "▸ vị trí: ngoài tỉnh"),
        (MessageKind.UNSUPPORTED, f"{UNREADABLE}: 0123 4567 8901"),
        (MessageKind.CODE, CODE_TYPED),
    ],
)
def test_a_dead_message_of_any_kind_reads_in_words(road: Road, hoa: Staff, broken: None, kind: Any, line: str) -> None:
    road.sends("a", kind, text="0123 4567 8901", choice="x", point=(10.7, 106.7) if kind == "location" else None)
    road.waits(seconds=7)
    assert road.transcript(road.case_of("a"))[0] == line


def test_a_dead_block_notice_calls_nobody(road: Road, hoa: Staff, monkeypatch: pytest.MonkeyPatch) -> None:
    road.starts("a")
    road.accepts(road.message("a", MessageKind.BLOCKED))
    honest = Inbound.handle

    def fails(*_: Any) -> None:
        raise RuntimeError("a bug of ours")

    monkeypatch.setattr(Inbound, "handle", fails)
    road.settles()
    road.waits(seconds=7)
    monkeypatch.setattr(Inbound, "handle", honest)
    assert road.find("a").blocked_at is not None
    assert road.escalation(road.case_of("a")) is None


@pytest.mark.parametrize("word", ["dừng", "xóa"])
def test_stop_and_delete_are_obeyed_also_when_the_machine_fails(
    road: Road, hoa: Staff, monkeypatch: pytest.MonkeyPatch, word: str
) -> None:
    road.starts("a")
    uid, said = road.find("a").uid, len(road.texts("a"))

    def fails(*_: Any) -> None:
        raise RuntimeError("a bug of ours")

    monkeypatch.setattr(Inbound, "_through_the_flow", fails)
    road.types("a", word)
    road.waits(minutes=3)
    assert len(road.texts("a")) == said
    contact = road.do(lambda uow: uow.contacts.get(uid))
    assert contact.quiet
    assert (contact.hidden_at is not None) == (word == "xóa")
    assert road.escalation(road.do(lambda uow: uow.cases.all_of(uid))[0]) is not None


def test_a_dead_letter_after_the_case_was_closed_opens_another(
    road: Road, hoa: Staff, monkeypatch: pytest.MonkeyPatch
) -> None:
    case = talking(road, hoa)

    def fails(*_: Any) -> None:
        raise RuntimeError("a bug of ours")

    monkeypatch.setattr(Inbound, "_through_a_talk", fails)
    monkeypatch.setattr(Inbound, "_through_the_flow", fails)
    road.types("a", "dòng này hỏng")
    road.close_case(hoa, case)
    road.waits(seconds=7)
    after = road.case_of("a")
    assert after.uid != case.uid
    assert road.transcript(after)[0] == "dòng này hỏng"
    assert road.escalation(after) is not None


def test_a_failure_of_a_lane_that_is_empty_or_gone_is_nothing(road: Road) -> None:
    road.starts("a")
    assert road.run(road.inbound.fail, Failure(road.find("a").uid, "E")) is False
    assert road.run(road.inbound.fail, Failure("nobody", "E")) is False


def test_after_a_dead_letter_she_is_heard_again(road: Road, hoa: Staff, monkeypatch: pytest.MonkeyPatch) -> None:
    honest = Inbound._through_the_flow

    def sometimes(self: Inbound, turn: Any, message: Any, verdict: Any) -> None:
        if message.text == "hỏng":
            raise RuntimeError("a bug of ours")
        honest(self, turn, message, verdict)

    monkeypatch.setattr(Inbound, "_through_the_flow", sometimes)
    road.types("a", "hỏng")
    road.types("a", "chào")  # waits behind it: the order of a lane is kept
    road.waits(seconds=7)
    assert road.came_in() == ["hỏng", "chào"]
    assert any("máy, không phải người" in text for text in road.texts("a"))


# --- timers and releases ---------------------------------------------------------------------------------------------------


def test_a_nudge_comes_once_and_not_over_something_waiting(road: Road) -> None:
    road.starts("a")
    due = road.find("a").session_due_at
    assert due is not None
    road.accepts(road.message("a", MessageKind.TEXT, text="có"))
    road.now = due
    uid = road.find("a").uid
    before = len(road.texts("a"))
    road.run(road.inbound.silence, uid)
    road.delivers()
    assert len(road.texts("a")) == before


@pytest.mark.parametrize("why", ["quiet", "blocked", "human"])
def test_a_nudge_never_reaches_who_must_not_be_written_to(road: Road, hoa: Staff, why: str) -> None:
    road.starts("a")
    case = road.case_of("a")
    if why == "human":
        road.types("a", EMERGENCY)
        road.meets("a", hoa)
    changes = {"quiet": {"quiet": True}, "blocked": {"blocked_at": road.now}, "human": {}}[why]
    road.change_contact(case, session_due_at=road.now, **changes)
    before = len(road.transcript(case))
    road.run(road.inbound.silence, case.contact_uid)
    assert road.find("a").session_due_at is None
    assert len(road.transcript(case)) == before


def test_the_flow_goes_on_after_a_talk(road: Road, hoa: Staff) -> None:
    case = talking(road, hoa)
    road.close_case(hoa, case)
    road.delivers()
    assert road.texts("a")[-2] == road.worlds.say("human_left")
    assert road.got["a"][-1].buttons
    assert len(road.facts()) == 1


@pytest.mark.parametrize("why", ["quiet", "blocked"])
def test_no_question_is_left_open_that_she_never_saw(road: Road, hoa: Staff, why: str) -> None:
    case = talking(road, hoa)
    if why == "quiet":
        road.types("a", "dừng")
    else:
        road.sends("a", MessageKind.BLOCKED)
    before = len(road.texts("a"))
    road.close_case(hoa, case)
    road.delivers()
    assert len(road.texts("a")) == before
    assert road.find("a").session is None
    road.types("a", "chào")
    assert any("máy, không phải người" in text for text in road.texts("a")[before:])


def test_a_flow_at_fault_does_not_keep_a_counsellor_from_closing(
    road: Road, hoa: Staff, monkeypatch: pytest.MonkeyPatch
) -> None:
    case = talking(road, hoa)
    monkeypatch.setattr(Turn, "advance", lambda self, *_: self.effects.append(Failed("step-limit", "x.y")))
    road.close_case(hoa, case)
    assert road.case(case).closed_at is not None
    assert road.rows(f"state = '{OutboxState.PENDING}' AND kind = 'relay'")


def test_a_flow_at_fault_nudges_nobody_and_stops_trying(road: Road, monkeypatch: pytest.MonkeyPatch) -> None:
    road.starts("a")
    case = road.case_of("a")
    road.change_contact(case, session_due_at=road.now)
    monkeypatch.setattr(Turn, "advance", lambda self, *_: self.effects.append(Failed("step-limit", "x.y")))
    road.run(road.inbound.silence, case.contact_uid)
    assert road.find("a").session_due_at is None
    assert road.find("a").session is not None
