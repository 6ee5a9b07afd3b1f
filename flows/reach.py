"""How near something is from every step of the graph, in messages of the seeker, taken at its worst."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from flows.graph import Graph, Move, Node

TOO_FAR = 3
"""Distances are counted in messages of the seeker, up to two; `TOO_FAR` stands for three, more, or never."""

_COSTS = range(TOO_FAR + 1)


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
