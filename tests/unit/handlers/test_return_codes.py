"""A return code leads her back from any door, and tells nobody else anything."""

from __future__ import annotations

from datetime import timedelta

import pytest

from handlers import return_codes
from handlers.model import Address, Contact, EscalationState, MessageKind, OutboxState, Staff
from storage.crypto import lookup_of
from tests.fakes.road import EMERGENCY, URGENT, Road


def make(road: Road, who: str, channel: str = "tg") -> str:
    contact = road.find(who, channel)
    return road.do(lambda uow: return_codes.make(uow, contact))


def redeem(road: Road, who: str, code: str, channel: str = "tg") -> None:
    road.sends(who, MessageKind.CODE, channel, text=code)


def talk(road: Road, who: str) -> tuple[str, Staff]:
    """She asked for help, somebody talks with her, and she has a code."""
    staff = road.hire("tuvan", alias="Hoa")
    road.types(who, EMERGENCY)
    case = road.meets(who, staff)
    road.says(staff, case, "Chị đây.")
    return make(road, who), staff


def test_a_code_looks_like_a_number_to_call_and_the_newest_alone_works(road: Road) -> None:
    road.starts("a")
    first, second = make(road, "a"), make(road, "a")
    assert [len(part) for part in second.split()] == [4, 4, 4]
    assert second.startswith("0")
    contact = road.find("a")
    assert road.do(lambda uow: return_codes.redeem(uow, contact, first)) is None
    assert road.do(lambda uow: return_codes.redeem(uow, contact, second)) is not None


@pytest.mark.parametrize("typed", ["{code}", "{plain}", " {dots} ", "mã {code} nhé"])
def test_a_code_is_read_as_people_type_it(typed: str) -> None:
    code = "0123 4567 8901"
    text = typed.format(code=code, plain=code.replace(" ", ""), dots=code.replace(" ", "."))
    assert return_codes.normal(text) == "012345678901"


@pytest.mark.parametrize("typed", ["", "123", "1123 4567 8901", "0123 4567 89012", "०१२३४५६७८९०१", "không nhớ"])
def test_what_has_not_the_shape_of_a_code_is_none(typed: str) -> None:
    assert return_codes.normal(typed) == ""


def test_staff_never_see_her_code(road: Road) -> None:
    staff = road.hire("tuvan", alias="Hoa")
    road.types("a", EMERGENCY)
    case = road.meets("a", staff)
    code = make(road, "a")
    road.types("a", f"mã của em là {code.replace(' ', '.')}, từ ngày 05.11.2026 lúc 21:30")
    road.says(staff, case, f"Em cất kỹ mã {code} nhé.")
    seen = [line.text for line in road.look(staff, case).lines]
    assert "mã của em là 0••• •••• ••••, từ ngày 05.11.2026 lúc 21:30" in seen
    assert not any(return_codes.normal(text) for text in seen)
    assert f"Em cất kỹ mã {code} nhé." in road.texts("a"), "she reads all of it"


def test_coming_back_by_another_door_goes_on_with_the_talk(road: Road) -> None:
    code, staff = talk(road, "old")
    case = road.case_of("old")
    road.now += timedelta(minutes=20)
    held = road.says(staff, case, "Em còn đó không?")
    assert not held.held  # nobody knew that she would not look
    assert "Em còn đó không?" not in road.texts("old")
    road.now += timedelta(hours=2)
    road.starts("new", "web")
    redeem(road, "new", code, "web")
    seen = [line.text for line in road.sees("new").lines]
    assert seen.count("Em còn đó không?") == 1
    assert any("Hoa" in text for text in seen)  # she is told who writes
    assert road.sees("new").human
    moved = road.case(case)
    assert moved.contact_uid == road.find("new", "web").uid
    assert moved.channel == "web"
    road.types("new", "em đây ạ", "web")
    assert road.transcript(moved)[-1] == "em đây ạ"
    with pytest.raises(KeyError):
        road.do(lambda uow: uow.contacts.get(case.contact_uid))


def test_she_has_one_open_case_afterwards_and_the_other_is_counted_as_taken_back(road: Road) -> None:
    code, _ = talk(road, "old")
    earlier = road.case_of("old")
    road.starts("new", "web")
    begun = road.case_of("new", "web")
    redeem(road, "new", code, "web")
    assert road.case(begun).closed_at is not None
    assert [fact.disposition for fact in road.facts()] == ["cancelled"]
    contact = road.find("new", "web")
    assert road.do(lambda uow: uow.cases.open_of([contact.uid]))[contact.uid].uid == earlier.uid


def test_no_code_stands_in_the_transcript_that_staff_read(road: Road) -> None:
    code, _ = talk(road, "old")
    case = road.case_of("old")
    road.starts("new", "web")
    redeem(road, "new", code, "web")
    plain = code.replace(" ", "")
    assert not any(plain in text.replace(" ", "") for text in road.transcript(case))


def test_a_person_she_has_just_asked_for_is_still_asked_for(road: Road) -> None:
    road.hire("tuvan")
    road.starts("old")
    code = make(road, "old")
    earlier = road.case_of("old")
    road.types("new", "gặp người")
    road.presses("new", "Chỉ lúc này")
    begun = road.case_of("new")
    assert road.escalation(begun) is not None
    redeem(road, "new", code)
    rings = road.escalation(earlier)
    assert rings is not None
    assert rings.state is EscalationState.RINGING
    assert road.escalation(begun) is None
    assert road.case(earlier).agreed_at is not None


def test_danger_that_began_at_the_new_door_goes_on_ringing(road: Road) -> None:
    road.hire("tuvan")
    road.starts("old")
    code = make(road, "old")
    road.types("new", URGENT)
    redeem(road, "new", code)
    contact = road.find("new")
    case = road.do(lambda uow: uow.cases.open_of([contact.uid]))[contact.uid]
    assert case.severity == "urgent"
    rings = road.escalation(case)
    assert rings is not None
    assert rings.state is EscalationState.RINGING


def test_a_code_of_a_closed_stay_is_good_and_nothing_of_it_is_shown(road: Road) -> None:
    code, staff = talk(road, "old")
    case = road.case_of("old")
    road.close_case(staff, case)
    road.now += timedelta(minutes=1)
    road.starts("new", "web")
    redeem(road, "new", code, "web")
    seen = [line.text for line in road.sees("new").lines]
    assert road.worlds.say("welcome_back") in seen
    assert "Chị đây." not in seen
    assert road.case_of("new", "web").closed_at is None
    assert len(road.facts()) == 1


def test_messages_waiting_at_the_old_door_are_not_lost(road: Road) -> None:
    code, _ = talk(road, "old")
    case = road.case_of("old")
    road.starts("new", "web")
    road.accepts(
        road.message("new", MessageKind.CODE, "web", text=code),
        road.message("old", MessageKind.TEXT, text="một dòng ở cửa cũ"),
    )
    old, new = road.find("old").uid, road.find("new", "web").uid
    # One batch, the new door first: the old contact is gone before its own lane comes.
    road.do(lambda uow: road.inbound.handle(uow, [new, old]))
    road.settles()
    assert "một dòng ở cửa cũ" in road.transcript(case)
    assert road.find("new", "web").pending == 0
    assert road.select("SELECT count(*) AS n FROM inbox WHERE state = 'new'") == [{"n": 0}]


def test_a_code_calls_erasing_off(road: Road) -> None:
    road.starts("old")
    road.types("old", "em ở xa lắm")
    code = make(road, "old")
    case = road.case_of("old")
    road.types("old", "xóa")
    road.now += timedelta(hours=23)
    road.starts("old")
    redeem(road, "old", code)
    road.waits(days=2)
    assert "em ở xa lắm" in road.transcript(case)


def test_the_sixth_wrong_code_in_an_hour_is_not_even_looked_at_and_sounds_like_any_other(road: Road) -> None:
    road.starts("old")
    code = make(road, "old")
    road.starts("new")
    answers = []
    for _ in range(5):
        before = len(road.texts("new"))
        redeem(road, "new", "0000 0000 0000")
        answers.append(road.texts("new")[before:])
    before = len(road.texts("new"))
    redeem(road, "new", code)
    assert [*answers, road.texts("new")[before:]] == [answers[0]] * 6
    assert answers[0][0] == road.worlds.say("invalid_code")
    road.now += timedelta(minutes=61)
    redeem(road, "new", code)
    assert road.worlds.say("welcome_back") in road.texts("new")


def test_a_wrong_code_does_not_lose_her_place_in_the_flow(road: Road) -> None:
    road.starts("a")
    road.presses("a", "Có")
    question = road.last("a")
    redeem(road, "a", "0000 1111 2222")
    assert road.texts("a")[-2:] == [road.worlds.say("invalid_code"), question]


def test_a_wrong_code_sounds_the_same_whether_anybody_ever_wrote(road: Road) -> None:
    redeem(road, "nobody", "0999 9999 9999")
    code, _ = talk(road, "somebody")
    redeem(road, "stranger", "0999 9999 9999")
    assert code
    assert road.texts("stranger") == road.texts("nobody")


def test_her_own_code_after_a_gap_brings_back_what_was_held(road: Road) -> None:
    code, staff = talk(road, "a")
    case = road.case_of("a")
    road.now += timedelta(minutes=40)
    road.says(staff, case, "Em còn đó không?")
    road.types("a", "chào")  # greeted like anybody
    assert "Em còn đó không?" not in road.texts("a")
    redeem(road, "a", code)
    assert "Em còn đó không?" in road.texts("a")
    contact: Contact = road.find("a")
    assert contact.confirmed
    assert road.rows(f"state = '{OutboxState.HELD}'") == []
    before = len(road.texts("a"))
    road.types("a", "em đây")
    assert road.texts("a")[before:] == []  # a human talks: the machine is silent


# --- every door -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("channel", ["tg", "web"])
@pytest.mark.parametrize("typed", ["{code}", " {plain}\n", "{dots}"])
def test_a_code_typed_unasked_leads_back_from_any_door(road: Road, channel: str, typed: str) -> None:
    code, _ = talk(road, "old")
    case = road.case_of("old")
    text = typed.format(code=code, plain=code.replace(" ", ""), dots=code.replace(" ", "."))
    road.types("new", text, channel)
    assert road.case(case).contact_uid == road.find("new", channel).uid
    assert road.case(case).channel == channel
    assert text not in road.transcript(case)
    road.types("new", "em đây ạ", channel)
    assert road.transcript(case)[-1] == "em đây ạ"


def test_the_way_by_buttons_on_a_messenger(road: Road) -> None:
    code, _ = talk(road, "old")
    road.starts("new")
    road.presses("new", "Có")
    road.presses("new", "Tôi có mã quay lại")
    road.types("new", "0000 1111 2222")
    assert not any("Hoa" in text for text in road.texts("new"))
    road.presses("new", "Gõ lại mã")
    road.types("new", code)
    assert any("Hoa" in text for text in road.texts("new"))


def test_she_must_say_that_she_has_kept_it(road: Road) -> None:
    road.starts("a")
    road.presses("a", "Có")
    road.presses("a", "Bỏ qua")
    road.presses("a", "Mã quay lại, riêng tư, góp ý")
    road.presses("a", "Lấy mã quay lại")
    told = road.last("a")
    assert return_codes.normal("".join(told.split("Mã của bạn:")[1].split("\n")[0]))
    assert [button.label for button in road.got["a"][-1].buttons] == ["Tôi đã ghi lại"]
    road.types("a", "ừ rồi")
    assert told.split("Mã của bạn:")[1].split("\n")[0] in road.last("a"), "until then the code stays in sight"
    road.presses("a", "Tôi đã ghi lại")
    assert "Mã của bạn" not in road.last("a")


def test_a_wrong_code_typed_unasked_is_a_text_like_any_other(road: Road) -> None:
    answers = []
    for who, text in (("a", "0123 4567 8901"), ("b", "em ngồi ở nhà")):
        road.starts(who)
        road.presses(who, "Có")
        before = len(road.texts(who))
        road.types(who, text)
        answers.append(road.texts(who)[before:])
    assert answers[0] == answers[1]


def test_a_code_in_the_middle_of_a_sentence_is_not_taken(road: Road) -> None:
    code, _ = talk(road, "old")
    case = road.case_of("old")
    road.types("new", f"mã của em là {code} nhé")
    assert road.case(case).contact_uid == road.find("old").uid


def test_one_try_at_the_flows_question_counts_once(road: Road) -> None:
    road.starts("a")
    road.presses("a", "Có")
    road.presses("a", "Tôi có mã quay lại")
    road.types("a", "0000 1111 2222")
    uid = road.find("a").uid
    assert road.select(f"SELECT count(*) AS n FROM failures WHERE key = 'code:{uid}'") == [{"n": 1}]


def test_a_program_that_takes_a_new_lane_for_every_try_is_stopped_and_other_channels_are_not(
    road: Road, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(return_codes, "TRIES_OF_ALL", 12)
    code, _ = talk(road, "old")
    case = road.case_of("old")
    for number in range(12):
        redeem(road, f"bot{number}", f"0{number:011d}", "web")
    redeem(road, "late", code, "web")
    assert road.case(case).contact_uid == road.find("old").uid
    assert [line.text for line in road.sees("late").lines][1] == road.worlds.say("invalid_code")
    redeem(road, "bot13", f"0{13:011d}", "web")
    noted = road.select("SELECT key, count(*) AS n FROM failures WHERE key LIKE 'refused%' GROUP BY key ORDER BY key")
    assert noted == [{"key": "refused-right:web", "n": 1}, {"key": "refused-wrong:web", "n": 1}], "an operator sees it"
    redeem(road, "phone", code)
    assert road.case(case).contact_uid == road.find("phone").uid


# --- what the database knows -------------------------------------------------------------------------------------------


def stored(road: Road) -> dict[str, list[dict[str, object]]]:
    """Every row of every table."""
    names = [row["name"] for row in road.select("SELECT name FROM sqlite_master WHERE type = 'table'")]
    return {name: road.select(f"SELECT * FROM {name}") for name in names}


@pytest.mark.parametrize("doors", [("tg", "web"), ("web", "tg"), ("tg", "tg")])
def test_after_redeeming_no_row_anywhere_holds_a_pair_of_addresses(road: Road, doors: tuple[str, str]) -> None:
    before_door, after_door = doors
    road.hire("tuvan")
    road.types("old-1234567", EMERGENCY, before_door)
    code = make(road, "old-1234567", before_door)
    old_uid = road.find("old-1234567", before_door).uid
    pepper = road.do(lambda uow: uow.peppers.get(uow.peppers.settle()))
    old, new = (
        lookup_of(pepper, Address(channel, who))
        for channel, who in ((before_door, "old-1234567"), (after_door, "new-7654321"))
    )
    redeem(road, "new-7654321", code, after_door)
    new_uid = road.find("new-7654321", after_door).uid
    rows = stored(road)
    assert [row["lookup"] for row in rows["contacts"]] == [new]
    pointers = set()
    for table, found in rows.items():
        for row in found:
            words = " ".join(str(value) for value in row.values())
            assert old not in words, table
            assert "old-1234567" not in words, table
            assert "new-7654321" not in words, table
            pointers |= {(table, row.get("state")) for value in row.values() if value == old_uid}
    # What was sent long ago, and the order to destroy the key: a pseudonym behind which there is no address any more.
    assert pointers <= {("outbox", "sent"), ("outbox", "cancelled"), ("key_removals", None)}
    assert ("key_removals", None) in pointers
    sealed = next(row["address_sealed"] for row in rows["contacts"])

    def opens(uow: object) -> bytes | None:
        uow.keys.load([new_uid])  # type: ignore[attr-defined]
        return uow.keys.try_unseal("contacts", "address", new_uid, new_uid, sealed)  # type: ignore[attr-defined]

    assert road.do(opens) == b"new-7654321"
    assert [row["contact_uid"] for row in rows["return_codes"]] == [new_uid]
