"""Everyday answers: thôi, cảm ơn, ko, ừ, chịu. They mean what the set says of a step's ids, and never anything weighty."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from time import process_time

import pytest

from flows.answers import option_number, yes_or_no
from flows.effects import Said, Say
from flows.engine import advance
from flows.library import Library
from flows.session import Frame, Session, Stage, State, Status, Wait
from flows.severity import Severity
from flows.text import key_of
from handlers.world import World
from tests.fakes.road import shipped_world

NOW = datetime(2026, 11, 23, 13, tzinfo=UTC)


@pytest.fixture(scope="module")
def world() -> World:
    return shipped_world()


@pytest.fixture(scope="module")
def library(world: World) -> Library:
    return world.library


def taken(world: World, place: str, text: str, stage: Stage = Stage.CHOICES) -> str:
    """The choice of that step which this text means, screened as it would be; "skip" for a question passed; "" for none."""
    flow, step = place.split(".")
    frames = (Frame("next_steps", "ask", State.OPEN), Frame(flow, step, State.OPEN))
    session = Session(
        version=world.library.version, id="x", status=Status.WAITING, frames=frames, wait=Wait(stage, 1), asks=1
    )
    verdict = world.screening.read(text)
    danger = verdict.severity if verdict.severity.at_least(Severity.URGENT) else Severity.NONE
    visited = advance(world.library, session, Said(text, danger), NOW).visited
    return next((one.removeprefix(place)[1:] for one in visited if one.startswith((f"{place}:", f"{place}~"))), "")


@pytest.mark.parametrize(
    "text",
    [
        "thôi", "thoi", "Thôi ạ.", "dạ thôi", "thôi em cảm ơn", "thế thôi", "the thoi a", "ko", "không ạ", "hok",
        "k", "chưa", "không",
        "không cần nữa đâu ạ", "cảm ơn", "cam on", "cám ơn chị nhiều", "ok cảm ơn", "dạ em cảm ơn ạ", "tks",
        "thanks", "đủ rồi", "hết rồi ạ",
        "để sau", "được rồi", "pp", "that's all", "thank you so much",
    ],
)  # fmt: skip
def test_who_wants_to_end_can_say_so_as_people_do(world: World, text: str) -> None:
    assert taken(world, "after_talk.ask", text) == "stop"
    assert taken(world, "services.more", text) == "done"


@pytest.mark.parametrize(
    "text", ["ừ", "uh", "dạ", "vâng", "vâng ạ", "ok", "có", "rồi", "tiếp đi", "uhm", "đc ạ", "dạ vâng", "yes"]
)
def test_who_agrees_goes_on(world: World, text: str) -> None:
    assert taken(world, "after_talk.ask", text) == "go_on"
    assert taken(world, "emergency_card.card", text) == "go_on"


@pytest.mark.parametrize(
    "text", ["không biết", "ko nhớ", "k biết ạ", "hok biết", "chịu", "em ko muốn kể", "khó nói lắm", "idk"]
)
def test_who_does_not_know_or_will_not_say_passes_on(world: World, text: str) -> None:
    assert taken(world, "who.ask", text) == "skip"
    assert taken(world, "safety.ask", text) == "unsure"
    assert taken(world, "where.ask", text, Stage.ANSWER) == "skip"
    assert taken(world, "doors.ask_place", text, Stage.ANSWER) == "skip"


@pytest.mark.parametrize("place", ["offer_person.ask", "child_person.ask"])
@pytest.mark.parametrize(
    ("text", "choice"),
    [
        ("cho em gặp ai đó", "person"),
        ("cho em gap ai do voi a", "person"),
        ("em muốn nói chuyện", "person"),
        ("dạ em muon noi chuyen a", "person"),
        ("có em muốn", "person"),
        ("em muốn gặp", "person"),
        ("gặp ai cũng được", "person"),
        ("em cần người nói chuyện", "person"),
        ("em muốn tâm sự", "person"),
        ("need to talk", "person"),
        ("em không muốn gặp ai", "no"),
        ("chua muon noi chuyen a", "no"),
        ("em sợ lắm không biết làm sao", ""),
        ("người đó là ai", ""),
        ("em muốn nói chuyện này không ai biết", ""),
    ],
)
def test_who_is_offered_a_person_can_say_so_in_her_own_words(world: World, place: str, text: str, choice: str) -> None:
    assert taken(world, place, text) == choice


def answered(library: Library, place: str, text: str, *, called: bool = False) -> tuple[str, list[str]]:
    """Where she stands afterwards, and what is said."""
    flow, step = place.split(".")
    frames = (Frame("next_steps", "ask", State.OPEN), Frame(flow, step, State.OPEN))
    session = Session(
        version=library.version, id="x", status=Status.WAITING, frames=frames, wait=Wait(Stage.CHOICES, 1), asks=1
    )
    sprint = advance(library, session, Said(text, Severity.NONE, "", called), NOW)
    return sprint.session.frames[-1].flow, [effect.text for effect in sprint.effects if isinstance(effect, Say)]


@pytest.mark.parametrize("text", ["chào", "chao ban", "chị ơi", "em oi", "hi"])
def test_a_greeting_is_greeted_and_not_read_as_a_story(library: Library, text: str) -> None:
    flow, said = answered(library, "safety.ask", text)
    assert (flow, said[0]) == ("safety", library.say("choose_again_hello"))
    assert "an toàn không" in said[1]
    assert answered(library, "what.ask", text, called=True)[1][0] == library.say("choose_again_called")
    assert answered(library, "what.ask", "chào chị em bị chồng bỏ")[1][0] == library.say("choose_again")


@pytest.mark.parametrize("text", ["alo", "co ai ko", "có ai ở đó không ạ", "sao lau the", "is anybody there?"])
def test_who_asks_for_anybody_is_told_who_is_there(library: Library, text: str) -> None:
    flow, said = answered(library, "safety.ask", text)
    assert flow == "safety"
    assert "Mình là máy" in said[0]
    assert len(said) > 1, "the question stands below"


def test_a_plain_wish_to_talk_leads_to_a_person_also_where_none_is_offered(library: Library) -> None:
    assert answered(library, "what.ask", "em muon noi chuyen")[0] == "talk"
    assert answered(library, "safety.ask", "cho em gặp ai đó")[0] == "talk"
    assert answered(library, "talk.wish", "em muốn nói chuyện")[0] == "talk"


@pytest.mark.parametrize("text", ["thôi", "không", "cảm ơn", "đủ rồi", "để sau"])
def test_no_everyday_word_ends_the_stay_out_of_the_emergency_card(world: World, text: str) -> None:
    assert taken(world, "emergency_card.card", text) in ("", "go_on")


@pytest.mark.parametrize("text", ["thôi", "chịu", "cảm ơn", "để sau", "ok", "không biết"])
def test_none_of_them_decides_a_consent_or_calls_anybody(world: World, library: Library, text: str) -> None:
    for task in library.program.tasks.values():
        if task.options is None or task.many:
            continue
        found = taken(world, task.place, text)
        option = next((one for one in task.options.options if one.id == found), None)
        if option is not None and text != "ok":  # which is a plain yes
            assert task.consent is None or (text, option.id) == ("thôi", "no"), task.place
            assert option.raised is None or option.raised.severity is not Severity.EMERGENCY, f"{task.place}:{found}"


def test_a_bare_no_where_a_person_is_being_called_is_still_no_answer(world: World) -> None:
    assert taken(world, "talk.wish", "không") == ""
    assert taken(world, "talk.wish", "thôi ạ") == "no"
    assert taken(world, "talk.waiting", "thôi") != "cancel"


@pytest.mark.parametrize(
    ("place", "text", "choice"),
    [
        ("safety.ask", "an toàn", "safe"),
        ("safety.ask", "em an toan a", "safe"),
        ("safety.ask", "hok", "danger"),
        ("safety.ask", "không an toàn", "danger"),
        ("safety.ask", "chưa", "danger"),
        ("safety.ask", "thôi", "unsure"),  # never mind, not "no, I am in danger"
        ("safety.ask", "thoi", "unsure"),
        ("safety.ask", "thôi ạ", "unsure"),
        ("safety.ask", "thoi em", "unsure"),
        ("safety.ask", "dạ thôi ạ em cảm ơn", "unsure"),
        ("safety.ask", "thôiii", ""),  # asked again
        ("safety.ask", "the thoi", "unsure"),
        ("safety.ask", "để sau", "unsure"),
        ("safety.ask", "thôi không ạ", "danger"),  # this is a no
        ("forced_marriage.free", "thôi", "skip"),
        ("who.ask", "em", "me"),
        ("who.ask", "mình ạ", "me"),
        ("who.ask", "hàng xóm", "other"),
        ("what.ask", "chồng đánh em", "physical"),
        ("what.ask", "bi danh", "physical"),
        ("bystander.now", "có", "yes"),
        ("bystander.now", "dạ có ạ", "yes"),
        ("doors.now", "co", "yes"),
        ("uses_violence.now", "không", "calm"),
        ("forced_marriage.free", "ko được", "no"),
        ("danger_signs.ask", "không có", "none"),
        ("danger_signs.ask", "k", "none"),
        ("what.more", "bị rình", "followed"),
        ("what.more", "bị dọa trên mạng", "online"),
        ("danger_signs.ask", "đang bị nhốt", "held"),
        ("next_steps.ask", "góp ý", "private"),
        ("doors.agree", "đồng ý", ""),
        ("who.ask", "con em", "other"),  # her child, not "con" and "em" for herself
        ("who.ask", "con gai toi", "other"),
        ("who.ask", "em gái em ạ", "other"),
        ("who.ask", "cho ban em", "other"),
        ("who.ask", "e 15t", "child"),
        ("who.ask", "em 16t a", "child"),
        ("safety.ask", "chua an toan", "danger"),
        ("safety.ask", "bình thường ạ", "safe"),
        ("safety.ask", "tam on", "safe"),
        ("what.ask", "ck e danh e", "physical"),
        ("what.ask", "bố chồng đánh", "physical"),
        ("what.ask", "no lay het tien", "denied"),
        ("what.ask", "khác", "more"),
        ("emergency_card.card", "gọi đi ạ", "person"),
        ("emergency_card.card", "nt tiếp", "go_on"),
        ("child.afraid", "dạ thôi ạ", "skip"),
        ("suicide.now", "thôi", "skip"),
        ("suicide.now", "có đâu", ""),
        ("suicide.now", "dạ không ạ", "not_now"),
        ("across_border.ask", "để sau", "skip"),  # not "Đã về nhà rồi", whose id is back
        ("across_border.watched", "không biết", ""),  # not sure means an emergency there: she is asked
        ("pregnancy.ask", "ko biết", "skip"),  # not "có thai, chưa biết làm sao"
        ("bystander.now", "ko rõ", "unsure"),
        ("bystander.now", "để sau", ""),
        ("talk.waiting", "vâng ạ", "keep"),
        ("emergency_card.card", "cảm ơn", "go_on"),
        ("safety.ask", "coo", "safe"),
        ("safety.ask", "khoong", "danger"),
        ("after_talk.ask", "thôiii ạạ", "stop"),
        ("after_talk.ask", "okkkk", "go_on"),
        ("what.ask", "bi danhh", "physical"),
        ("sexual_violence.ask", "ko bít nữa", "unsure"),
        ("return_code.show", "em ghi rồi ạ", "kept"),
        ("return_code.show", "ok", ""),
        ("who.ask", "em 14 tuổi ạ", "child"),
        ("who.ask", "em sợ lắm", ""),
        ("what.ask", "một", "physical"),
        ("what.ask", "1.", "physical"),
        ("what.ask", "so 1", "physical"),
        ("what.ask", "em chọn câu hai ạ", "insulted"),
        ("what.ask", "dòng 3", "denied"),
    ],
)
def test_as_people_answer_these_questions(world: World, place: str, text: str, choice: str) -> None:
    assert taken(world, place, text) == choice


@pytest.mark.parametrize(
    "text",
    [
        "",
        "?",
        "👍",
        "ba",
        "sau",
        "nam",
        "bay",
        "em sợ lắm",
        "em so lam",
        "so hai",
        "em so ba",
        "sợ ba",
        "em",
        "con so hai",
        "1 2",
        "14",
        "113",
    ],
)
def test_words_that_name_no_choice(text: str) -> None:
    assert option_number(key_of(text), 9) is None


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("2", 2),
        ("2.", 2),
        ("so 2", 2),
        ("số 2 ạ", 2),
        ("em chọn 2 nhé", 2),
        ("câu hai", 2),
        ("cau ba", 3),
        ("một ạ", 1),
        ("dạ 1", 1),
    ],
)
def test_the_number_of_a_choice(text: str, number: int) -> None:
    assert option_number(key_of(text), 9) == number - 1


@pytest.mark.parametrize(
    ("text", "said"), [("hok", False), ("hok ạ", False), ("dạ chưa", False), ("đc", True), ("vg ạ", True), ("ừa", True)]
)
def test_teencode_for_yes_and_no(text: str, said: bool) -> None:
    assert yes_or_no(key_of(text)) is said


@pytest.mark.parametrize("text", ["vâng ạ", "cảm ơn", "ok", "dạ", "thôi"])
def test_her_courtesy_after_the_farewell_begins_nothing_anew(library: Library, text: str) -> None:
    def after(minutes: int, text: str, danger: Severity = Severity.NONE) -> bool:
        ended = Session(version=library.version, id="x", status=Status.ENDED, outcome="left", heard_at=NOW)
        return bool(advance(library, ended, Said(text, danger), NOW + timedelta(minutes=minutes)).effects)

    assert not after(1, text)
    assert after(6, text)
    assert after(1, "em còn chuyện này nữa")
    assert after(1, "không biết")
    assert after(1, text, Severity.URGENT)
    assert after(1, "cứu")


def test_while_a_person_is_called_who_reads_only_a_plain_stop_ends_the_stay(library: Library) -> None:
    frames = (Frame("next_steps", "ask", State.OPEN),)
    session = Session(
        version=library.version, id="x", status=Status.WAITING, frames=frames, wait=Wait(Stage.CHOICES, 1), asks=1
    )
    for text, ends in (("không", False), ("thôi", False), ("dừng", True), ("Dừng ở đây", True)):
        sprint = advance(library, session, Said(text, called=True), NOW)
        assert (sprint.session.status is Status.ENDED) is ends, text


def test_a_message_of_nothing_but_courtesy_keeps_nobody_waiting(world: World) -> None:
    """Its parts are thousands, and everybody's messages go through one thread."""
    everyday = world.library.program.everyday
    began = process_time()
    for _ in range(20):
        assert everyday.meant(key_of("em " * 60 + "thôi")) == ()
        assert not everyday.is_courtesy(key_of("em " * 60))
    assert process_time() - began < 0.4
