"""Whatever people do, the engine ends its sprint within the limits, keeps the words of safety, and can be stored.

Walks over the shipped set and over a small one with one of everything; every session goes through JSON between two inputs.
"""

from __future__ import annotations

from collections import deque
from datetime import timedelta
from functools import cache
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from flows import loader
from flows.effects import (
    Chose,
    Failed,
    Handover,
    Input,
    PlaceAnswer,
    Released,
    Said,
    Say,
    Shared,
    Silence,
    Start,
    Unsupported,
)
from flows.engine import advance
from flows.library import Library
from flows.schema import MAX_DEPTH, MAX_STEPS_PER_SPRINT, StepKind
from flows.session import Session, Status
from flows.severity import Severity
from flows.text import fold
from tests.unit.flows.newer_set import newer_files, newer_library
from tests.unit.flows.small_set import NOW, Talker, small_files, small_library

SHIPPED = Path(__file__).parents[2] / "flows" / "content"
SAFETY = ("help", "stop", "delete", "human")
NEAR = PlaceAnswer("exact", ("1", "2", "3"), {"1": "xã A", "2": "xã B", "3": "xã C"})
TYPED = (
    "15 tuổi",
    "21:30",
    "mường than",
    "bản",
    "hà nội",
    "2",
    "có",
    "không",
    "ABCD-EFGH",
    "quay lại",
    "nhắc lại",
    "dừng",
    "cứu",
    "1, 2",
    "xong rồi",
    "hôm qua",
    "đồng ý",
)


@cache
def library_named(name: str) -> Library:
    if name == "small":
        return small_library()
    if name == "newer":
        return newer_library()
    loaded = loader.load(loader.read_dir(SHIPPED))
    assert loaded.library is not None, "\n".join(map(str, loaded.findings))
    return loaded.library


@st.composite
def moves(draw: st.DrawFn) -> tuple[str, object]:
    """One thing that happens: pressed buttons come first, as that is what people do most."""
    kind = draw(
        st.sampled_from(["press", "press", "press", "type", "say", "old", "silence", "release", "share", "voice"])
    )
    if kind in ("press", "old"):
        return kind, draw(st.integers(0, 9))
    if kind == "type":
        return kind, draw(st.sampled_from(TYPED))
    if kind == "say":
        danger = draw(st.sampled_from([Severity.NONE, Severity.URGENT, Severity.EMERGENCY]))
        return kind, (draw(st.text(max_size=40) | st.just("a" * 100_000)), danger)
    return kind, None


def input_of(move: tuple[str, object], talk: Talker, seen: list[str]) -> Input:
    kind, what = move
    if kind == "press" and talk.effects and talk.said and talk.said[-1].buttons:
        buttons = talk.said[-1].buttons
        return Chose(buttons[int(str(what)) % len(buttons)].data)
    if kind in ("old", "press"):
        return Chose(seen[int(str(what)) % len(seen)] if seen else f"1.{what}")
    if kind == "type":
        return Said(str(what))
    if kind == "say":
        assert isinstance(what, tuple)
        return Said(*what)
    if kind == "silence":
        talk.wait(timedelta(minutes=15))
        return Silence()
    return {"release": Released(), "share": Shared(NEAR), "voice": Unsupported()}[kind]


def assert_safe(library: Library, session: Session) -> None:
    """The words for help, stop, delete and a person lead to their flows from here, with and without accents; for a person on the
    emergency card to the card's own choice, which calls one without a question.
    """
    for meaning in SAFETY:
        flow = library.program.interrupts[meaning]
        start = f"{flow}.{library.program.starts[flow]}"
        word = getattr(library.manifest.words, meaning)[0]
        for text in (word, fold(word).upper()):
            sprint = advance(library, session, Said(text), NOW)
            on_card = (
                meaning == "human"
                and session.frames
                and session.frames[-1].flow == library.program.interrupts["danger"]
            )
            called = any(isinstance(one, Handover) for one in sprint.effects)
            assert start in sprint.visited or (on_card and called), (
                f"{text} at {session.place()} does not lead to {flow}"
            )
            assert not any(isinstance(effect, Failed) for effect in sprint.effects)


def assert_sound(session: Session) -> None:
    assert (session.wait is not None and session.status is Status.WAITING) or session.status is not Status.WAITING
    assert len(session.frames) <= MAX_DEPTH
    assert (session.status is Status.ENDED) == (not session.frames)
    assert len(session.history) <= 20


@pytest.mark.parametrize("name", ["small", "newer", "shipped"])
@settings(max_examples=60, deadline=None)
@given(st.data())
def test_walks_end_within_the_limits_and_keep_the_words_of_safety(name: str, data: st.DataObject) -> None:
    library = library_named(name)
    talk = Talker(library, data.draw(st.sampled_from(["", "one"])))
    talk.on_duty, talk.code_known = data.draw(st.booleans()), data.draw(st.booleans())
    talk.services = data.draw(st.sampled_from([None, [], [{"name": "Trạm y tế"}]]))
    seen: list[str] = []
    for move in data.draw(st.lists(moves(), min_size=3, max_size=25)):
        talk.visited = []
        talk.give(input_of(move, talk, seen))
        assert len(talk.visited) <= 2 * MAX_STEPS_PER_SPRINT
        assert not talk.of(Failed)
        assert_sound(talk.session)
        seen += [button.data for say in talk.said for button in say.buttons]
        if talk.session.status in (Status.WAITING, Status.HANDED_OVER):
            assert_safe(library, talk.session)


@settings(max_examples=60, deadline=None)
@given(st.lists(moves(), min_size=1, max_size=15))
def test_the_same_inputs_give_the_same_talk(walk: list[tuple[str, object]]) -> None:
    one, two = Talker(library_named("small")), Talker(library_named("small"))
    for move in walk:
        given_input = input_of(move, one, [])
        two.now = one.now
        assert one.give(given_input) == two.give(given_input)
        assert one.session == two.session


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=60), st.text(max_size=30))
def test_any_text_and_any_button_data_is_taken(text: str, button: str) -> None:
    talk = Talker(library_named("small"))
    talk.type("chào", "1")
    for given_input in (Chose(button), Said(text), Said(text * 50), Chose(text)):
        talk.give(given_input)
        assert not talk.of(Failed)
        assert all("\x00" not in say.text for say in talk.of(Say))


WEIRD: tuple[object, ...] = (
    "",
    "{",
    "{line.x}",
    "x" * 3000,
    None,
    [],
    {},
    [[]],
    {"a": {"b": ["c"]}},
    ["a", None],
    "\u202e",
    "-1",
    "yes",
)


@st.composite
def spoiled_files(draw: st.DrawFn) -> dict[str, bytes]:
    """The small set with up to three values anywhere in it replaced by something else."""
    files = draw(st.sampled_from([small_files, newer_files]))()
    for _ in range(draw(st.integers(1, 3))):
        name = draw(st.sampled_from(sorted(files)))
        tree = yaml.load(files[name], Loader=yaml.CSafeLoader)  # the parser the loader uses
        at = tree
        while True:
            keys = list(at) if isinstance(at, dict) else list(range(len(at)))
            if not keys:
                break
            key = draw(st.sampled_from(keys))
            if isinstance(at[key], (dict, list)) and at[key] and draw(st.integers(0, 3)):
                at = at[key]
                continue
            at[key] = draw(st.sampled_from(WEIRD))
            break
        files[name] = yaml.safe_dump(tree, allow_unicode=True).encode()
    return files


@settings(max_examples=80, deadline=None)
@given(spoiled_files())
def test_spoiled_content_is_told_or_runs_and_never_breaks_the_loader(files: dict[str, bytes]) -> None:
    loaded = loader.load(files)
    assert (loaded.library is None) == bool(loaded.findings)
    for finding in loaded.findings:
        assert finding.line <= files.get(finding.file, b"").count(b"\n") + 1
        assert finding.column >= 1
    if loaded.library is not None:
        Talker(loaded.library).type("chào", "1")


def waiting_places(library: Library) -> dict[str, Session]:
    """Every waiting step that can be reached by what people do, with one session that stands there."""
    found: dict[str, Session] = {}
    todo: deque[Session] = deque([Session.new(library)])
    while todo:
        session = todo.popleft()
        for talk in after_every_move(library, session):
            if talk.session.status in (Status.WAITING, Status.HANDED_OVER) and talk.place not in found:
                found[talk.place] = talk.session
                todo.append(talk.session)
    return found


def after_every_move(library: Library, session: Session) -> list[Talker]:
    talks: list[Talker] = []
    for on_duty, services in ((True, [{"name": "Trạm y tế"}]), (False, [])):
        inputs: list[Input] = [Said(text) for text in (*TYPED, "xóa", "gặp người")]
        inputs += [Said("lo quá", Severity.URGENT), Released(), Shared(NEAR), Silence()]
        inputs += [Chose(f"{session.asks}.{index}") for index in range(12)]
        for given_input in inputs:
            talk = Talker(library)
            talk.session, talk.on_duty, talk.services = session, on_duty, services
            talk.now = session.silence_due_at or NOW
            talk.give(given_input)
            talks.append(talk)
    return talks


@pytest.mark.parametrize("name", ["small", "newer", "shipped"])
def test_words_of_safety_work_from_every_waiting_step_that_can_be_reached(name: str) -> None:
    library = library_named(name)
    found = waiting_places(library)
    for session in found.values():
        assert_safe(library, session)
    written = {
        f"{flow}.{step}"
        for flow, whole in library.flows.items()
        for step, part in whole.steps.items()
        if part.kind in (StepKind.CHOICES, StepKind.ASK, StepKind.HANDOVER)
    }
    if name == "small":
        assert written - set(found) == {"code.ask"}, "only a flow nothing leads to is not reached"
    assert len(found) >= 0.7 * len(written), sorted(written - set(found))


def test_every_flow_of_the_shipped_set_can_be_started() -> None:
    library = library_named("shipped")
    for flow in library.flows:
        talk = Talker(library)
        talk.give(Start(flow))
        assert not talk.of(Failed)
        assert talk.effects
