"""Is the set sound as a graph: everything can be reached, nothing turns in circles or piles up too deep?"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from flows.checks.texts import SET_FILE
from flows.findings import Finding
from flows.graph import Graph, Move, Node, call_depth, cycles, reachable, returning
from flows.library import Library
from flows.moving import now_at
from flows.schema import MAX_DEPTH


def check(library: Library, graph: Graph) -> Iterator[Finding]:
    """Findings about reachability, loops and calls."""
    yield from _unreachable(library, graph)
    yield from _loops(library, graph)
    yield from _calls(library, graph)
    yield from _moved(library)
    yield from _late_silences(library, graph)


def _at_step(library: Library, node: Node, code: str, message: str, message_en: str) -> Finding:
    return library.finding(node.flow, ("steps", node.step), code, message, message_en)


def _unreachable(library: Library, graph: Graph) -> Iterator[Finding]:
    passed = reachable(graph)
    for flow, steps in graph.nodes.items():
        missed = [node for node in steps.values() if node.name not in passed]
        if len(missed) == len(steps):
            yield library.finding(
                flow,
                ("flow",),
                "unreachable-flow",
                f"luồng “{flow}” không được gọi từ đâu: thêm call, ghi vào interrupts, hoặc bỏ luồng này",
                f"nothing leads to flow '{flow}': call it, name it in interrupts, or remove it",
            )
            continue
        for node in missed:
            yield _at_step(
                library,
                node,
                "unreachable-step",
                f"không có đường nào dẫn tới bước “{node.step}”; nối goto hoặc next tới nó, hoặc bỏ bước này",
                f"no way leads to step '{node.step}'; lead a goto or next to it, or remove it",
            )


def _loops(library: Library, graph: Graph) -> Iterator[Finding]:
    for loop in cycles(graph, Move.ON):
        names = " → ".join(node.step for node in loop)
        yield _at_step(
            library,
            loop[0],
            "loop-without-wait",
            f"các bước {names} quay vòng mà không chờ trả lời; thêm một bước hỏi, hoặc đổi next",
            f"the steps {names} go round without waiting for an answer; add a question, or change a next",
        )


def _calls(library: Library, graph: Graph) -> Iterator[Finding]:
    yield from _depth(library, graph)
    if graph.entry in returning(graph, *Move):
        yield library.finding_in(
            SET_FILE,
            ("entry",),
            "entry-returns",
            f"luồng đầu tiên “{graph.entry}” có return nhưng không ai gọi nó; dùng end",
            f"the entry flow '{graph.entry}' has a return, but nothing called it; use end",
        )


def _depth(library: Library, graph: Graph) -> Iterator[Finding]:
    # At worst one flow breaks into the other wherever it asks something, each once, and the last runs to its full depth.
    # Of the flows that answer a question one at most is open.
    waiting = {flow: call_depth(graph, flow, waiting=True) for flow in graph.breaks_in}
    stacked = {graph.entry, *graph.interrupts.values()}
    answering = max((waiting[flow] for flow in graph.questions.values() if flow not in stacked), default=0)
    deepest = max(call_depth(graph, flow) - waiting[flow] for flow in graph.breaks_in)
    depth = sum(waiting[flow] for flow in stacked) + answering + deepest
    if depth > MAX_DEPTH:
        yield library.finding_in(
            SET_FILE,
            ("interrupts",),
            "too-deep-calls",
            f"các luồng có thể chồng lên nhau {depth} lớp, nhiều nhất {MAX_DEPTH}; bớt call lồng nhau",
            f"flows can pile up {depth} deep, at most {MAX_DEPTH}; nest fewer calls",
        )


def _moved(library: Library) -> Iterator[Finding]:
    """`moved:` sends people from places that are gone to places that are there."""
    moved, places = library.manifest.moved, library.program.tasks
    for place in moved:
        flow, _, step = place.partition(".")
        target = now_at(moved, flow, step) if step else moved[place]
        to_flow, _, to_step = target.partition(".")
        there = (to_flow, to_step) in places if to_step else to_flow in library.flows
        if not there:
            yield library.finding_in(
                SET_FILE,
                ("moved", place),
                "moved-nowhere",
                f"“{place}” dẫn tới “{target}”, nơi không có trong bộ này; sửa đích, hoặc bỏ dòng này",
                f"'{place}' leads to '{target}', which is not in this set; correct it, or remove this line",
            )
        elif (flow, step) in places and target != place:
            yield library.finding_in(
                SET_FILE,
                ("moved", place),
                "moved-still-there",
                f"bước “{place}” vẫn còn trong bộ này, không thể vừa còn vừa dời đi; bỏ dòng này, hoặc bỏ bước cũ",
                f"step '{place}' is still in this set: it cannot be there and have moved; remove this line, or the old step",
            )


def _late_silences(library: Library, graph: Graph) -> Iterator[Finding]:
    """A silence that is due only when every call of its flow is over would never come."""
    limits: dict[str, list[timedelta | None]] = {}
    for node in graph.all_nodes():
        if node.calls:
            within = library.flows[node.flow].steps[node.step].within
            limits.setdefault(node.calls, []).append(within.after if within is not None else None)
    for name, flow in library.flows.items():
        given = [limit for limit in limits.get(name, []) if limit is not None]
        if len(given) != len(limits.get(name, [])) or not given or name in graph.breaks_in:
            continue  # somewhere the flow runs without a limit
        for step_name, step in flow.steps.items():
            if step.silence is not None and step.silence.after >= max(given):
                yield library.finding(
                    name,
                    ("steps", step_name, "silence"),
                    "silence-never-due",
                    f"bước “{step_name}” chờ lâu hơn “within” của mọi bước gọi luồng này, nên silence không bao giờ tới; "
                    "rút ngắn silence, hoặc kéo dài within",
                    f"step '{step_name}' waits longer than the 'within' of every call of this flow: its silence never comes; "
                    "shorten it, or lengthen the 'within'",
                )
