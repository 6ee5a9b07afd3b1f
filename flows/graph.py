"""The conversation as a graph: which step can follow which, and what it costs the seeker to get somewhere.

A node is a step, an edge one way from it to another step of the same flow. Calls are not edges: what a called flow can
do is summed up for its caller, so the call stack needs no nodes of its own. Global words are no edges either: they work
on every waiting step, and `Reach` adds them there.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from flows.library import Library
from flows.schema import AskType, Step


class Move(StrEnum):
    """What makes the conversation go on along an edge."""

    ON = "on"  # nothing: branches and answers of the host
    ANSWER = "answer"  # she answers
    SILENCE = "silence"  # nothing came for a while
    RELEASE = "release"  # the counsellor ends the talk


@dataclass(frozen=True, slots=True)
class Edge:
    """One way on within a flow: to one of `to`, which of them is decided by branches, not by her.

    `messages`: how many of hers it takes (0 unless `move` is ANSWER).
    """

    move: Move
    to: tuple[str, ...]
    messages: int = 0


@dataclass(frozen=True, slots=True)
class Node:
    """One step, reduced to where it can lead and what passing it does."""

    flow: str
    step: str
    edges: tuple[Edge, ...] = ()
    waits: bool = False
    calls: str = ""  # the flow it calls; its ON edges then lead on after the return
    returns: bool = False
    ends: bool = False
    hands_over: bool = False
    card: bool = False
    does: str = ""  # the name of its `do`
    name: str = ""  # as everywhere else: `flow.step`

    def ways(self, *moves: Move) -> Iterator[str]:
        """The steps that the given kinds of edges lead to."""
        return (to for edge in self.edges if edge.move in moves for to in edge.to)


@dataclass(frozen=True, slots=True)
class Graph:
    """All steps of a set. `words` are the global words that can be typed, each with the flow it breaks into; `questions` the
    signs that she asks something, each with the flow that answers it.
    """

    nodes: Mapping[str, Mapping[str, Node]]
    starts: Mapping[str, str]
    entry: str
    words: Mapping[str, str]
    interrupts: Mapping[str, str]  # words and events
    questions: Mapping[str, str] = field(default_factory=dict)

    @property
    def breaks_in(self) -> frozenset[str]:
        """Every flow that can come up anywhere, or begins a stay."""
        return frozenset({self.entry, *self.interrupts.values(), *self.questions.values()})

    def start(self, flow: str) -> Node | None:
        """The first step of a flow; None when the flow or its first step is missing (a finding of the loader)."""
        return self.nodes.get(flow, {}).get(self.starts.get(flow, ""))

    def all_nodes(self) -> Iterator[Node]:
        """Every step of every flow, in the order of the files."""
        return (node for steps in self.nodes.values() for node in steps.values())

    def next_nodes(self, node: Node, *moves: Move) -> Iterator[Node]:
        """The existing steps behind the given kinds of edges."""
        steps = self.nodes[node.flow]
        return (steps[to] for to in node.ways(*moves) if to in steps)


def build(library: Library) -> Graph:
    """Draw the graph of a loaded set."""
    manifest = library.manifest
    flows = library.flows
    interrupts: dict[str, str] = manifest.interrupts.model_dump()
    return Graph(
        nodes={
            name: {step: _node(name, step, part) for step, part in flow.steps.items()} for name, flow in flows.items()
        },
        starts={name: flow.start for name, flow in flows.items()},
        entry=manifest.entry,
        words={word: flow for word, flow in interrupts.items() if getattr(manifest.words, word, None)},
        interrupts=interrupts,
        questions=manifest.questions.named(),
    )


def _node(flow: str, name: str, step: Step) -> Node:
    return Node(
        flow=flow,
        step=name,
        edges=tuple(_edges(step)),
        waits=step.kind.waits or step.handover is not None,
        calls=step.call or "",
        returns=bool(step.returns),
        ends=step.end is not None,
        hands_over=step.handover is not None,
        card=step.card is not None,
        does=step.do.value if step.do is not None else "",
        name=f"{flow}.{name}",
    )


def _edges(step: Step) -> Iterator[Edge]:
    after = (step.next,) if isinstance(step.next, str) else tuple(b.goto or b.otherwise or "" for b in step.next or ())
    if step.choices is not None:
        for choice in step.choices.values():
            yield Edge(Move.ANSWER, (choice.goto,) if choice.goto is not None else after, 1)
    elif step.ask is not None:
        # A typed place is confirmed before the flow goes on; a question is passed with one press.
        yield Edge(Move.ANSWER, after, 2 if step.ask.type is AskType.PLACE else 1)
        if step.ask.skip is not None:
            yield Edge(Move.ANSWER, (step.ask.skip,), 1)
    elif after:
        yield Edge(Move.ON, after)
    if step.unclear is not None:
        yield Edge(Move.ANSWER, (step.unclear.goto,), step.unclear.tries)
    if step.after_card is not None:
        yield Edge(Move.ANSWER, (step.after_card,), 1)
    if step.within is not None:
        yield Edge(Move.SILENCE, (step.within.goto,))
    if step.silence is not None:
        yield Edge(Move.SILENCE, (step.silence.goto,))
    if step.handover is not None:
        yield Edge(Move.RELEASE, (step.handover.on_release,))


def returning(graph: Graph, *moves: Move) -> set[str]:
    """The flows that can come to a `return` going only along `moves` from their start (through calls that can, too)."""
    found: set[str] = set()
    while True:
        more = {flow for flow in graph.nodes if any(node.returns for node in _walk(graph, flow, moves, found))}
        if more == found:
            return found
        found = more


def reachable(graph: Graph) -> set[str]:
    """The names of all steps that some conversation can pass, from the entry and from every interrupt."""
    back = returning(graph, *Move)
    open_flows = [*graph.breaks_in]
    seen: set[str] = set()
    done: set[str] = set()
    while open_flows:
        flow = open_flows.pop()
        if flow in done:
            continue
        done.add(flow)
        for node in _walk(graph, flow, tuple(Move), back):
            seen.add(node.name)
            if node.calls:
                open_flows.append(node.calls)
    return seen


def cycles(graph: Graph, *moves: Move) -> list[tuple[Node, ...]]:
    """Loops within one flow going only along `moves`; a call is passed when the called flow can return along them."""
    passable = returning(graph, *moves)
    loops: list[tuple[Node, ...]] = []
    for steps in graph.nodes.values():
        closed: set[str] = set()
        for node in steps.values():
            if node.step in closed:
                continue
            after = _from(graph, node, moves, passable)
            inside = {other.step for other in after if node in _from(graph, other, moves, passable)}
            if inside:
                closed |= inside
                loops.append(tuple(other for other in steps.values() if other.step in inside))
    return loops


def call_depth(graph: Graph, flow: str, *, waiting: bool = False) -> int:
    """Frames that this flow and the calls under it can pile up; with `waiting`, while she is asked something (or 0).

    Calls must not go round in a ring: the loader sees to that.
    """
    steps = graph.nodes.get(flow, {}).values()
    own = 0 if waiting and not any(node.waits for node in steps) else 1
    below = (call_depth(graph, node.calls, waiting=waiting) for node in steps if node.calls in graph.nodes)
    return max((1 + depth for depth in below if depth), default=own)


def _walk(graph: Graph, flow: str, moves: tuple[Move, ...], passable: set[str]) -> list[Node]:
    """The steps of one flow that can be passed from its start along `moves`."""
    start = graph.start(flow)
    if start is None:
        return []
    rest = _from(graph, start, moves, passable)
    return rest if start in rest else [start, *rest]


def _from(graph: Graph, node: Node, moves: tuple[Move, ...], passable: set[str]) -> list[Node]:
    """The steps of the same flow behind `node` along `moves`; `node` itself only when it can come round again."""
    seen: dict[str, Node] = {}
    queue = [node]
    while queue:
        here = queue.pop()
        onward = moves
        if here.calls and here.calls not in passable:
            onward = tuple(
                move for move in moves if move is Move.SILENCE
            )  # its time limit ends a call that never returns
        for other in graph.next_nodes(here, *onward):
            if other.step not in seen:
                seen[other.step] = other
                queue.append(other)
    return list(seen.values())
