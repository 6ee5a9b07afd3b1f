"""What the other topics promise: quizzes keep nothing, feedback never stands in the way of silence, reports follow consent."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from flows.graph import build, reachable
from flows.library import Library
from flows.loader import load, read_dir

SHIPPED = Path(__file__).resolve().parents[3] / "flows" / "content"
QUIZZES = ("quizzes", "quiz_rights", "quiz_control", "quiz_youth")


@pytest.fixture(scope="module")
def shipped() -> Library:
    loaded = load(read_dir(SHIPPED))
    assert loaded.library is not None
    return loaded.library


@pytest.mark.parametrize("flow", QUIZZES)
def test_a_quiz_keeps_no_answer_and_raises_nothing(shipped: Library, flow: str) -> None:
    """Used in firms and schools: nobody is scored. Only who says "this is like mine" afterwards is asked who she is."""
    for name, step in shipped.flows[flow].steps.items():
        assert not step.save, name
        assert step.severity is None, name
        for choice_id, choice in (step.choices or {}).items():
            assert choice.score is None, f"{name}.{choice_id}"
            assert choice.severity is None, f"{name}.{choice_id}"
            assert set(choice.sets) <= ({"about"} if name == "whose" else set()), f"{name}.{choice_id}"


@pytest.mark.parametrize("flow", QUIZZES[1:])
def test_every_answer_of_a_quiz_is_explained(shipped: Library, flow: str) -> None:
    steps = shipped.flows[flow].steps
    questions = [step for step in steps.values() if step.choices]
    assert len(questions) == 4
    for question in questions:
        answers = [steps[choice.goto or ""] for choice in (question.choices or {}).values()]
        assert all(answer.say for answer in answers)
        assert len({answer.next for answer in answers}) == 1, "right or wrong, it goes on the same way"


def test_stopping_never_passes_a_question(shipped: Library) -> None:
    graph = build(shipped)
    alone = replace(graph, entry=graph.interrupts["stop"], interrupts={}, questions={})
    assert {name for name in reachable(alone) if graph.nodes[name.split(".")[0]][name.split(".")[1]].waits} == set()


def test_what_is_reported_is_kept_only_with_consent(shipped: Library) -> None:
    """`flows check` proves the paths; here it is that every part of a report that tells something is marked at all."""
    free = {"report_about", "report_now"}  # whose, and whether help must come this minute
    parts = {name for name in shipped.manifest.variables if name.startswith("report_")}
    assert {name for name in parts if shipped.manifest.variables[name].identifying == "report"} == parts - free
