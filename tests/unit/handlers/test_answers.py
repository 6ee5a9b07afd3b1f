"""The host's answers to the engine: every question has one, and the same one at a rehearsal where that can be."""

from __future__ import annotations

from typing import Any, get_args

import pytest

from flows.effects import (
    AskCanRemind,
    AskOnDuty,
    FindServices,
    MakeReturnCode,
    PlaceAnswer,
    Question,
    RedeemReturnCode,
    ResolvePlace,
)
from handlers.answers import Answers
from handlers.model import DutySwitch
from handlers.rehearsal import REHEARSED_CODE, RehearsalHost
from tests.fakes.road import Road, shipped_world

QUESTIONS: list[Question] = [
    ResolvePlace("Mường Than"),
    FindServices("", ("medical",), 2),
    AskOnDuty("auto"),
    AskCanRemind(),
    MakeReturnCode(),
    RedeemReturnCode("0123 4567 8901"),
]


def ask(road: Road, question: Question) -> Any:
    road.starts("a")
    case = road.case_of("a")

    def work(uow: Any) -> Any:
        contact = uow.contacts.get(case.contact_uid)
        open_case = uow.cases.get(case.uid)
        return Answers(uow, road.worlds.current, contact, open_case, road.escalations, road.inbound._ending).to(
            question
        )

    return road.do(work)


def test_every_question_is_known() -> None:
    assert {type(question) for question in QUESTIONS} == set(get_args(Question))


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda question: type(question).__name__)
def test_every_question_has_an_answer_of_the_same_kind_live_and_rehearsed(road: Road, question: Question) -> None:
    rehearsed = RehearsalHost(shipped_world()).answer(question)
    assert type(ask(road, question)) is type(rehearsed)


def test_a_place_is_resolved(road: Road) -> None:
    answer = ask(road, ResolvePlace("xã Mường Kim"))
    assert isinstance(answer, PlaceAnswer)
    assert answer.kind == "exact"
    assert answer == RehearsalHost(shipped_world()).answer(ResolvePlace("xã Mường Kim"))


def test_on_duty_is_the_truth(road: Road) -> None:
    assert ask(road, AskOnDuty("auto")) is False
    staff = road.hire("tuvan")
    assert ask(road, AskOnDuty("auto")) is True
    road.set_duty(staff, DutySwitch.OFF)
    assert ask(road, AskOnDuty("auto")) is False


def test_no_service_shows_a_number_that_nobody_has_verified(road: Road) -> None:
    place = ask(road, ResolvePlace("xã Mường Kim"))
    found = ask(road, FindServices(place.codes[0], ("medical",), 3))
    assert found
    assert all({"id", "name", "text"} <= set(one) for one in found)


def test_a_wrong_code_is_no(road: Road) -> None:
    assert ask(road, RedeemReturnCode("0000 0000 0000")) is False
    assert ask(road, RedeemReturnCode("không nhớ")) is False
    host = RehearsalHost(shipped_world())
    assert host.answer(RedeemReturnCode(REHEARSED_CODE)) is True
    assert host.answer(RedeemReturnCode("0")) is False
