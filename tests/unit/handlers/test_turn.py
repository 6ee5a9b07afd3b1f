"""What a flow asks for becomes rows: every effect has its line, and nothing is decided on an old value."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, get_args

import pytest

from flows import effects
from flows.effects import Command, Ended, Failed, LateAnswer, Remember, Say, SayKind
from handlers.model import MessageKind
from handlers.turn import FlowFailed, Turn, _next_local_time, _numbers_first
from tests.fakes.road import EMERGENCY, URGENT, Road, shipped_world


def turn_of(road: Road, uow: Any, who: str = "a") -> Turn:
    contact = road.find(who)
    case = uow.cases.open_of([contact.uid])[contact.uid]
    return Turn(uow, road.worlds.current, contact, case, road.escalations, road.inbound._ending)


EFFECTS: dict[type, Command] = {
    effects.Say: Say("Chào bạn."),
    effects.Raise: effects.Raise(effects.Severity.URGENT, "what.ask:hit"),
    effects.Remember: Remember("about", "me", "Ai cần giúp", "chính mình"),
    effects.Handover: effects.Handover("auto", "asked_for_person"),
    effects.AllowLateAnswer: effects.AllowLateAnswer(LateAnswer.ANY_TIME),
    effects.Hush: effects.Hush(),
    effects.Erase: effects.Erase(),
    effects.CancelHuman: effects.CancelHuman(),
    effects.ConsentGiven: effects.ConsentGiven("call_back", "Được gọi lại", "a.b", "0123456789ab"),
    effects.ConsentWithdrawn: effects.ConsentWithdrawn("call_back", "Được gọi lại", "a.b", "0123456789ab"),
    effects.Remind: effects.Remind("Chào bạn.", "20:00", 1, "reminder", "a.b"),
    effects.ForgetReminder: effects.ForgetReminder(),
    effects.Refer: effects.Refer(
        ("shelter",), "", (("situation", "bị đánh"),), "referral", "a.b", "a.c", "0123456789ab"
    ),
    effects.Ended: Ended("done"),
    effects.Failed: Failed("step-limit", "a.b"),
}


def test_every_command_is_known() -> None:
    assert set(EFFECTS) == set(get_args(Command))


@pytest.mark.parametrize("kind", EFFECTS)
def test_every_command_does_something_or_says_why_not(road: Road, kind: type) -> None:
    road.hire("tuvan")
    road.starts("a")
    before = _state(road)

    def work(uow: Any) -> None:
        turn = turn_of(road, uow)
        turn.effects.append(EFFECTS[kind])
        turn.apply()

    if kind is Failed:
        with pytest.raises(FlowFailed, match=r"step-limit at a\.b"):
            road.do(work)
    else:
        road.do(work)
    assert (_state(road) == before) == (kind in (Ended, Failed, effects.CancelHuman, effects.ForgetReminder))


def _state(road: Road) -> list[Any]:
    found = {
        name: road.select(f"SELECT * FROM {name}") for name in ("contacts", "cases", "lines", "outbox", "escalations")
    }
    return [found[name] for name in sorted(found)]


def test_the_numbers_come_before_the_calling(road: Road) -> None:
    card = Say("Các số", kind=SayKind.CARD)
    calls = effects.Raise(effects.Severity.EMERGENCY, "x")
    assert _numbers_first([calls, card, Ended("e")])[0] is card
    assert _numbers_first([calls, Say("x")])[0] is calls
    road.hire("tuvan")
    road.types("a", EMERGENCY)
    assert "113" in road.texts("a")[0]
    assert road.texts("a").index(road.worlds.say("ringing_emergency")) > 0


def test_only_the_last_line_of_a_turn_carries_buttons(road: Road) -> None:
    road.starts("a")
    assert [bool(outgoing.buttons) for outgoing in road.got["a"]] == [False, False, True]


def test_what_she_answers_stands_on_the_summary_card(road: Road) -> None:
    road.starts("a")
    road.presses("a", "Có")
    summary = road.case_of("a").summary
    assert summary.answers["Lúc nhắn có an toàn không"] == "có"


@pytest.mark.parametrize(
    ("clock", "now", "then"),
    [
        ("21:30", "2026-11-23T14:00", "2026-11-23T14:30"),  # the service lives seven hours east
        ("21:30", "2026-11-23T14:30", "2026-11-24T14:30"),
        ("00:00", "2026-11-23T14:00", "2026-11-23T17:00"),
    ],
)
def test_the_hour_she_names_is_her_hour(clock: str, now: str, then: str) -> None:
    at = datetime.fromisoformat(now).replace(tzinfo=UTC)
    assert _next_local_time(clock, at, shipped_world()) == datetime.fromisoformat(then).replace(tzinfo=UTC)


def test_a_damaged_session_greets_anew(road: Road) -> None:
    road.starts("a")
    greeting = road.texts("a")
    road.change_contact(road.case_of("a"), session={"format": 999})
    road.types("a", "có")
    assert road.texts("a")[len(greeting) :] == greeting


def test_a_session_of_content_nobody_has_any_more_greets_anew(road: Road) -> None:
    road.starts("a")
    greeting = road.texts("a")
    road.change_contact(road.case_of("a"), content_version="gone")
    road.types("a", "có")
    assert road.texts("a")[len(greeting) :] == greeting


def test_a_flow_at_fault_is_a_dead_letter(road: Road, monkeypatch: pytest.MonkeyPatch) -> None:
    road.hire("tuvan")
    monkeypatch.setattr(Turn, "advance", lambda self, *_: self.effects.append(Failed("step-limit", "x.y")))
    road.types("a", "chào")
    road.waits(seconds=7)
    assert road.texts("a")[0] == road.worlds.say("safety_text")
    assert road.escalation(road.case_of("a")) is not None


def test_taking_back_what_is_urgent_keeps_ringing(road: Road) -> None:
    road.hire("tuvan")
    road.types("a", URGENT)
    case = road.case_of("a")
    road.do(lambda uow: _cancel(turn_of(road, uow)))
    assert road.escalation(case) is not None
    assert road.case(case).retracted_at is not None


def _cancel(turn: Turn) -> None:
    turn.effects.append(effects.CancelHuman())
    turn.apply()


def test_a_first_word_of_every_kind_gets_an_answer(road: Road) -> None:
    kinds = [kind for kind in MessageKind if kind not in (MessageKind.BLOCKED, MessageKind.WITHDRAWN)]
    for kind in kinds:
        road.sends(
            f"s-{kind}", kind, text="0123 4567 8901", choice="x", point=(22.3, 103.4) if kind == "location" else None
        )
        assert road.got[f"s-{kind}"], kind
