"""Who fears to hurt somebody is kept apart from everything that tells where help is, whatever is edited or pressed.

Two walls. The flow `uses_violence` and all that it leads on to hold no way to the directory and never come back to a
caller that has one: proved over the graph. And who goes back and takes another road is stopped at the only door to the
directory, because the stay remembers: walked through the engine.
"""

from __future__ import annotations

import re
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flows.checks.texts import step_texts
from flows.effects import Chose, FindServices, Released, Said, Silence
from flows.graph import Graph, Move, build, reachable, returning
from flows.library import Library
from flows.loader import Loaded, load, read_dir
from flows.schema import VariableType
from flows.session import Status
from flows.severity import Severity
from tests.unit.flows.small_set import Talker

SHIPPED = Path(__file__).resolve().parents[3] / "flows" / "content"
APART = ("uses_violence", "apart")
LOCATING = frozenset({"find", "services", "where"})
TELLS_WHERE = re.compile(r"nơi giúp|chỗ ở|tạm lánh|nhà an toàn|gần bạn|trạm y tế|bệnh viện", re.IGNORECASE)
Edit = tuple[str, str, str]
"""A file below flows/, a text that stands in it once, and what takes its place."""


def edited(*edits: Edit) -> Loaded:
    files = read_dir(SHIPPED)
    for flow, old, new in edits:
        name = f"flows/{flow}.yaml"
        text = files[name].decode()
        assert text.count(old) == 1, f"{old!r} stands {text.count(old)} times in {name}"
        files[name] = text.replace(old, new).encode()
    return load(files)


@cache
def shipped(*edits: Edit) -> Library:
    loaded = edited(*edits)
    assert loaded.library is not None, [str(finding) for finding in loaded.findings]
    return loaded.library


def ways_out(library: Library, flow: str) -> list[str]:
    """What is wrong when nothing that `flow` leads on to, words and events included, may tell where help is."""
    graph = build(library)
    if not library.flows[flow].questions:  # and it never comes back, so that they stay shut: see `returning` below
        graph = replace(graph, questions={})
    names = reachable(replace(graph, entry=flow))
    wrong = [f"{flow} comes back to its caller"] if flow in returning(graph, *Move) else []
    for node in graph.all_nodes():
        if node.name not in names:
            continue
        if node.does == "find_services" or node.flow in LOCATING:
            wrong.append(f"{node.name} leads to the directory")
        for text in step_texts(library, node.flow, node.step):
            printed = {library.manifest.variables[name].type for name in text.placeholders() if "." not in name}
            if VariableType.SERVICES in printed or TELLS_WHERE.search(text.text):
                wrong.append(f"{node.name} tells where: {text.path}")
    return wrong


# --- over the graph -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("flow", APART)
def test_nothing_it_leads_on_to_tells_where_help_is(flow: str) -> None:
    assert ways_out(shipped(), flow) == []


@pytest.mark.parametrize(
    "edit",
    [
        ("uses_violence", "call: offer_person", "call: services"),
        ("uses_violence", "call: offer_person", "call: bystander"),
        ("uses_violence", "    call: apart\n    next: read\n", "    return: true\n"),
        ("uses_violence", "bạn hỏi cán bộ y tế.", "bạn đến trạm y tế."),
        ("uses_violence", "Bạn đừng giữ chuyện này một mình nhé.", "Bạn đừng giữ chuyện này một mình nhé. {services}"),
        ("apart", "    call: leave\n    next: ask\n", "    return: true\n"),
        ("apart", "questions: no", "questions: yes"),
        ("uses_violence", "questions: no", "questions: yes"),
        ("offer_person", "call: talk", "call: sexual_violence"),  # breaks in on a worrying text
        ("feedback", "Đừng viết tên", "Gõ “gặp người” để hỏi nơi giúp gần bạn. Đừng viết tên"),  # by way of talk
        (
            "erase",
            "    do: hush\n",
            "    do: find_services\n    with: {near: place, needs: [medical]}\n    save: services\n",
        ),
        ("emergency_card", "Bạn xem giúp mấy dòng dưới nhé.", "Bạn xem giúp mấy nơi gần bạn ở dưới nhé."),
    ],
    ids=lambda edit: f"{edit[0]}: {edit[2].strip()[:30]}",
)
def test_whoever_links_them_is_told(edit: Edit) -> None:
    library = shipped(edit)
    assert [wrong for flow in APART for wrong in ways_out(library, flow)] != []


@pytest.mark.parametrize(
    "edit",
    [
        ("apart", "call: talk", "call: find"),
        ("apart", "call: emergency_card", "call: services"),
        ("after_talk", "call: feedback", "call: services"),  # a flow of everybody, which it leads on to
        ("talk", "    call: return_code\n", "    call: find\n"),
        ("uses_violence", "    call: apart\n", "    call: next_steps\n"),
    ],
    ids=lambda edit: f"{edit[0]}: {edit[2].strip()[:30]}",
)
def test_some_links_do_not_even_load(edit: Edit) -> None:
    """`find` itself leads to `apart`, so most ways back are rings, which `flows check` refuses to an editor as well."""
    loaded = edited(edit)
    assert loaded.library is None
    assert "call-ring" in {finding.code for finding in loaded.findings}


def test_all_services_are_found_behind_one_door() -> None:
    """The second wall stands in `find`; a flow that asks the directory by itself would walk round it."""
    graph: Graph = build(shipped())
    assert {node.flow for node in graph.all_nodes() if node.does == "find_services"} == {"find"}
    assert "uses_violence" not in {
        name
        for flow in shipped().flows.values()
        for step in flow.steps.values()
        for sets in (step.sets, *(choice.sets for choice in (step.choices or {}).values()))
        for name, value in sets.items()
        if value != "yes"
    }, "nothing takes it back within the stay"


# --- through the engine ---------------------------------------------------------------------------------------------

TO_THE_FLOW = ("Có", "Chuyện khác", "Tôi hay nóng, sợ mình làm đau người khác", "Tôi sợ chính tôi làm đau người khác")
TO_THE_DIRECTORY = ("Người khác", "Có", "Không", "Bỏ qua", "Bỏ qua", "Tìm nơi giúp", "Nơi khám bệnh")


def who_said_so(library: Library) -> Talker:
    talk = Talker(library)
    talk.type("chào")
    for label in TO_THE_FLOW:
        talk.press(label)
    assert talk.place == "uses_violence.now"
    return talk


def goes_back_to(talk: Talker, place: str) -> None:
    for _ in range(10):
        if talk.place == place:
            return
        talk.type("quay lại")
    raise AssertionError(f"{place} is not behind {talk.place}")


def test_another_road_ends_at_the_door() -> None:
    talk = who_said_so(shipped())
    goes_back_to(talk, "who.ask")
    for label in TO_THE_DIRECTORY:
        talk.press(label)
        assert not any(isinstance(question, FindServices) for question in talk.questions)
    assert talk.place == "apart.ask"
    assert talk.labels == ["Gặp người thật", "Xem số gọi gấp", "Dừng ở đây"]


def test_without_the_door_the_other_road_would_arrive() -> None:
    """What the test above is worth: the same presses reach the directory when the line in `find` is gone."""
    talk = who_said_so(shipped(("find", "      - {when: {uses_violence: yes}, goto: apart}\n", "")))
    goes_back_to(talk, "who.ask")
    for label in (*TO_THE_DIRECTORY, "Bỏ qua"):
        talk.press(label)
    assert any(isinstance(question, FindServices) for question in talk.questions)


def test_the_next_steps_of_this_stay_are_the_ones_apart() -> None:
    talk = who_said_so(shipped())
    goes_back_to(talk, "who.more")
    talk.press("Bỏ qua")
    assert talk.place == "apart.ask"
    assert "Tìm nơi giúp" not in talk.labels


MOVES = st.sampled_from(
    [*range(8), *range(8), "quay lại", "quay lại", "gặp người", "cứu", "lo", "mường than", "", "chờ", "trạm y tế ở đâu"]
)


@settings(max_examples=150)
@given(st.lists(MOVES, min_size=5, max_size=40))
def test_whatever_is_pressed_the_directory_is_never_asked(moves: list[int | str]) -> None:
    talk = who_said_so(shipped())
    for move in moves:
        if talk.session.status is Status.ENDED:
            return
        buttons = talk.said[-1].buttons if talk.said else ()
        if talk.session.status is Status.HANDED_OVER:
            said = talk.give(Released())
        elif isinstance(move, int) and buttons:
            said = talk.give(Chose(buttons[move % len(buttons)].data))
        elif move == "chờ":
            said = talk.give(Silence())
        else:
            asks = ("service_asked",) if move == "trạm y tế ở đâu" else ()
            said = talk.give(Said(str(move), Severity.URGENT if move == "lo" else Severity.NONE, asks=asks))
        assert not any(isinstance(question, FindServices) for question in talk.questions)
        assert not any("Trạm y tế xã" in text for text in said)
        assert talk.session.variables.get("uses_violence") is True or talk.session.status is Status.ENDED
