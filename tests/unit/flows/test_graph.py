"""The graph counts messages at their worst, and what it proves is what the engine does."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from flows.effects import (
    Answered,
    AskOnDuty,
    Button,
    Chose,
    Command,
    Erase,
    Handover,
    Hush,
    Input,
    RedeemReturnCode,
    Said,
    Say,
    SayKind,
    Silence,
)
from flows.engine import advance
from flows.graph import build
from flows.library import Library
from flows.loader import read_dir
from flows.reach import TOO_FAR, Reach
from flows.session import Session, Status
from tests.unit.flows.fake_host import FakeHost
from tests.unit.flows.sample_set import changed, library_of

SHIPPED = Path(__file__).resolve().parents[3] / "flows" / "content"


def test_a_branch_that_misses_the_goal_counts_at_its_worst() -> None:
    """A card on one branch only is no proof, a card on both is."""
    branch = "  card:\n    next:\n      - {when: {about: me}, goto: shown}\n      - {else: OTHER}\n  shown:\n    card: emergency"
    for other, distance in (("shown", 0), ("done", TOO_FAR)):
        change = {
            "file": "flows/card.yaml",
            "old": "  card:\n    card: emergency",
            "new": branch.replace("OTHER", other),
        }
        graph = build(library_of(changed([change])))
        assert Reach(graph, lambda node: node.card).from_start("card") == distance


def test_the_way_through_a_called_flow_counts() -> None:
    """After a call the proof goes on in the caller, but a return to nobody proves nothing."""
    late = "  card:\n    call: after\n    next: late\n  late:\n    call: card\n    next: who"
    change = {"file": "flows/welcome.yaml", "old": "  card:\n    call: card\n    next: who", "new": late}
    graph = build(library_of(changed([change])))
    reach = Reach(graph, lambda node: node.card)
    assert reach.from_step(graph.nodes["welcome"]["card"]) == 0
    assert reach.from_start("after") == TOO_FAR


def test_a_typed_place_costs_two_messages() -> None:
    """It is typed, then confirmed."""
    graph = build(library_of(changed([])))
    assert Reach(graph, lambda node: node.step == "find").from_step(graph.nodes["welcome"]["where"]) == 2


# --- the proofs against the engine --------------------------------------------------------------------------------


class Walk:
    """Sessions that the engine really comes to, by pressing every button it offers, from the first hello on."""

    def __init__(self, library: Library, most: int) -> None:
        self.library = library
        self.now = datetime(2026, 11, 23, 2, tzinfo=UTC)
        self.host = FakeHost()
        seen: dict[object, Session] = {}
        queue = [self.after(Session.new(library), Said("chào"))]
        while queue and len(seen) < most:
            session, effects = queue.pop(0)
            if session.frames in seen or session.status is Status.ENDED:
                continue
            seen[session.frames] = session
            queue += [self.after(session, Chose(button.data)) for button in self.buttons(effects)]
            if session.silence_due_at is not None:
                self.now = session.silence_due_at
                queue.append(self.after(session, Silence()))
        self.sessions = list(seen.values())

    def after(self, session: Session, given: Input) -> tuple[Session, list[Command]]:
        sprint = advance(self.library, session, given, self.now)
        effects = list(sprint.effects)
        while sprint.question is not None:
            asked = isinstance(sprint.question, (AskOnDuty, RedeemReturnCode))
            answer = True if asked else self.host.answer(sprint.question)
            sprint = advance(self.library, sprint.session, Answered(answer), self.now)
            effects += sprint.effects
        return sprint.session, effects

    @staticmethod
    def buttons(effects: list[Command]) -> list[Button]:
        return [button for effect in effects if isinstance(effect, Say) for button in effect.buttons]


def test_what_is_proved_is_what_the_engine_does() -> None:
    """In every session it came to: help brings the card, stop ends, a human is called within two messages."""
    walk = Walk(library_of(read_dir(SHIPPED)), most=300)
    assert {session.status for session in walk.sessions} >= {Status.WAITING, Status.HANDED_OVER}
    assert len({session.place() for session in walk.sessions}) > 20
    for session in walk.sessions:
        _, helped = walk.after(session, Said("cứu"))
        assert any(isinstance(effect, Say) and effect.kind is SayKind.CARD for effect in helped), session.place()
        ended, stopped = walk.after(session, Said("dừng"))
        assert ended.status is Status.ENDED
        assert Hush() in stopped, session.place()
        _, erased = walk.after(session, Said("xóa"))
        assert Erase() in erased, session.place()
        if session.status is Status.WAITING:
            asked, first = walk.after(session, Said("gặp người"))
            second = [walk.after(asked, Chose(button.data))[1] for button in walk.buttons(first)]
            assert any(isinstance(effect, Handover) for effects in (first, *second) for effect in effects), (
                session.place()
            )
