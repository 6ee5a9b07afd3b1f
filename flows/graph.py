"""The conversation as a graph: which step can follow which, and what it costs the seeker to get somewhere.

A node is a step, an edge one way from it to another step of the same flow. Calls are not edges: what a called flow can
do is summed up for its caller, so the call stack needs no nodes of its own. Global words are no edges either: they work
on every waiting step, and `Reach` adds them there.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from flows.library import Library
from flows.schema import AskType, Step

TOO_FAR = 3
"""Distances are counted in messages of the seeker, up to two; `TOO_FAR` stands for three, more, or never."""

_COSTS = range(TOO_FAR + 1)


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
    """All steps of a set. `words` are the global words that can be typed, each with the flow it breaks into."""

    nodes: Mapping[str, Mapping[str, Node]]
    starts: Mapping[str, str]
    entry: str
    words: Mapping[str, str]
    interrupts: Mapping[str, str]  # words and events

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
    if step.within is not None:
        yield Edge(Move.SILENCE, (step.within.goto,))
    if step.silence is not None:
        yield Edge(Move.SILENCE, (step.silence.goto,))
    if step.handover is not None:
        yield Edge(Move.RELEASE, (step.handover.on_release,))


class Reach:
    """How many messages she needs, whatever the branches decide, until a step that fits `goal` is passed.

    She chooses her messages, everything else (branches, the host's answers) is taken at its worst. A return out of a
    flow whose caller is not known counts as never: the proof must not lean on who called.
    """

    def __init__(self, graph: Graph, goal: Callable[[Node], bool]) -> None:
        self._graph = graph
        # One row a step: the cost from there if what comes after the flow's return costs 0, 1, 2, too far.
        self._rows: dict[str, list[int]] = {}
        self._by_word = TOO_FAR  # messages by the best global word
        open_nodes: list[Node] = []
        for node in graph.all_nodes():
            if goal(node):
                self._rows[node.name] = [0] * len(_COSTS)
            elif node.returns:
                self._rows[node.name] = list(_COSTS)
            else:
                self._rows[node.name] = [TOO_FAR] * len(_COSTS)
                open_nodes.append(node)
        self._settle(open_nodes)

    def from_step(self, node: Node) -> int:
        """Messages from standing at this step (0 when the step itself is the goal); at most `TOO_FAR`."""
        return self._rows[node.name][TOO_FAR]

    def from_start(self, flow: str) -> int:
        """Messages from the moment a flow begins; 0 means within its first sprint. `TOO_FAR` for an unknown flow."""
        start = self._graph.start(flow)
        return TOO_FAR if start is None else self.from_step(start)

    def _settle(self, open_nodes: list[Node]) -> None:
        """Work until no row falls any more; costs only ever fall, by whole numbers from a small range: it ends."""
        leaning = _leaning_on(self._graph, open_nodes)
        waiting = [node for node in open_nodes if node.waits]
        queue, queued = deque(reversed(open_nodes)), {node.name for node in open_nodes}
        while queue:
            while queue:
                node = queue.popleft()
                queued.discard(node.name)
                row = self._row(node)
                if row == self._rows[node.name]:
                    continue
                self._rows[node.name] = row
                for other in leaning.get(node.name, ()):
                    if other.name not in queued:
                        queued.add(other.name)
                        queue.append(other)
            by_word = min((1 + self.from_start(flow) for flow in self._graph.words.values()), default=TOO_FAR)
            if by_word < self._by_word:
                self._by_word = by_word
                queue.extend(waiting)
                queued.update(node.name for node in waiting)

    def _row(self, node: Node) -> list[int]:
        if node.waits:
            return self._waiting_row(node)
        rows = [self._rows[other.name] for other in self._graph.next_nodes(node, Move.ON)]
        on = _worst(rows)
        if not node.calls:
            return on
        called = self._graph.start(node.calls)
        return [TOO_FAR] * len(_COSTS) if called is None else [self._rows[called.name][after] for after in on]

    def _waiting_row(self, node: Node) -> list[int]:
        steps = self._graph.nodes[node.flow]
        best = [min(self._by_word, TOO_FAR)] * len(_COSTS)
        for edge in node.edges:
            if edge.move is Move.ANSWER:
                worst = _worst([self._rows[steps[to].name] for to in edge.to if to in steps])
                best = [min(before, edge.messages + after) for before, after in zip(best, worst, strict=True)]
        return best


def _worst(rows: list[list[int]]) -> list[int]:
    """The worst of several rows, cost by cost; too far when there is none."""
    if len(rows) == 1:
        return rows[0]
    return [max(costs) for costs in zip(*rows, strict=True)] if rows else [TOO_FAR] * len(_COSTS)


def _leaning_on(graph: Graph, nodes: list[Node]) -> dict[str, list[Node]]:
    """For each step, the steps whose cost is found from its own: those before it, and the calls of a flow it begins."""
    found: dict[str, list[Node]] = {}
    for node in nodes:
        for other in graph.next_nodes(node, Move.ON, Move.ANSWER):
            found.setdefault(other.name, []).append(node)
        called = graph.start(node.calls) if node.calls else None
        if called is not None:
            found.setdefault(called.name, []).append(node)
    return found


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
    open_flows = [graph.entry, *graph.interrupts.values()]
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
