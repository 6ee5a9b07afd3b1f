"""A layered layout: columns from left to right, few crossings, short ways. Pure arithmetic over boxes and arrows.

The usual steps: take loops out, put every box right of what leads to it, let long arrows pass through the columns between,
order each column by its neighbours, then give every box the height its neighbours ask for.
"""

from __future__ import annotations

from bisect import bisect_right, insort
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

SWEEPS = 8  # rounds of ordering, and again of straightening: more changes nothing one could see
LANE = 14.0  # height kept free for an arrow that passes through a column


@dataclass(frozen=True, slots=True)
class Arrow:
    """A way from one box to another; `exit_y` is where it leaves, measured from the top of its box."""

    start: str
    end: str
    exit_y: float


@dataclass(frozen=True, slots=True)
class Layout:
    """Where everything lies, in the unit of the sizes that were given."""

    boxes: Mapping[str, tuple[float, float]]  # left and top
    routes: Sequence[tuple[tuple[float, float], ...]]  # of every arrow, in order; empty for one that leads back
    width: float
    height: float


@dataclass(slots=True, eq=False)
class _Place:
    """A box, or the spot where a long arrow passes a column."""

    height: float
    column: int
    before: list[tuple[_Place, float]] = field(default_factory=list)  # with where the arrow leaves there
    after: list[tuple[_Place, float]] = field(default_factory=list)  # with where the arrow leaves here
    top: float = 0.0
    lane: bool = False


def lay_out(
    heights: Mapping[str, float], arrows: Sequence[Arrow], *, box_width: float, gap_x: float, gap_y: float
) -> Layout:
    """Place boxes of one width; arrows must join known boxes. An arrow that closes a loop gets no route."""
    forward = lead_on(list(heights), arrows)
    columns = _columns(list(heights), [arrow for arrow, kept in zip(arrows, forward, strict=True) if kept])
    places = {name: _Place(height, columns[name]) for name, height in heights.items()}
    layers: list[list[_Place]] = [[] for _ in range(max(columns.values(), default=-1) + 1)]
    for place in places.values():
        layers[place.column].append(place)
    chains = [
        _chain(places[arrow.start], places[arrow.end], arrow.exit_y, layers) if kept else []
        for arrow, kept in zip(arrows, forward, strict=True)
    ]
    _order(layers)
    _straighten(layers, gap_y)
    step = box_width + gap_x
    highest = min((place.top for layer in layers for place in layer), default=0.0)
    lowest = max((place.top + place.height for layer in layers for place in layer), default=0.0)
    for layer in layers:
        for place in layer:
            place.top -= highest
    routes = [
        _route(places[arrow.start], places[arrow.end], arrow.exit_y, chain, step, box_width) if kept else ()
        for arrow, chain, kept in zip(arrows, chains, forward, strict=True)
    ]
    boxes = {name: (place.column * step, place.top) for name, place in places.items()}
    return Layout(boxes, routes, max(len(layers) * step - gap_x, 0.0), lowest - highest)


def lead_on(names: Sequence[str], arrows: Sequence[Arrow]) -> list[bool]:
    """For every arrow: does it lead on? False for those that lead back to where the walk from the first box came from."""
    out: dict[str, list[tuple[int, str]]] = {name: [] for name in names}
    for index, arrow in enumerate(arrows):
        out[arrow.start].append((index, arrow.end))
    kept = [True] * len(arrows)
    state: dict[str, int] = {}  # 1: on the way, 2: done
    for root in names:
        if root in state:
            continue
        state[root] = 1
        stack = [(root, iter(out[root]))]
        while stack:
            name, rest = stack[-1]
            for index, end in rest:
                if state.get(end) == 1:
                    kept[index] = False
                elif end not in state:
                    state[end] = 1
                    stack.append((end, iter(out[end])))
                    break
            else:
                state[name] = 2
                stack.pop()
    return kept


def _columns(names: list[str], arrows: Sequence[Arrow]) -> dict[str, int]:
    """The length of the longest way that leads to each box."""
    out: dict[str, list[str]] = {name: [] for name in names}
    waiting = dict.fromkeys(names, 0)
    for arrow in arrows:
        out[arrow.start].append(arrow.end)
        waiting[arrow.end] += 1
    columns = dict.fromkeys(names, 0)
    ready = [name for name in names if not waiting[name]]
    while ready:
        name = ready.pop()
        for end in out[name]:
            columns[end] = max(columns[end], columns[name] + 1)
            waiting[end] -= 1
            if not waiting[end]:
                ready.append(end)
    return columns


def _chain(start: _Place, end: _Place, exit_y: float, layers: list[list[_Place]]) -> list[_Place]:
    """The spots where an arrow passes the columns between its boxes; joins everything with its neighbours."""
    chain = []
    last, leaves = start, exit_y
    for column in range(start.column + 1, end.column):
        spot = _Place(LANE, column, lane=True)
        layers[column].append(spot)
        chain.append(spot)
        _join(last, spot, leaves)
        last, leaves = spot, LANE / 2
    _join(last, end, leaves)
    return chain


def _join(one: _Place, other: _Place, leaves: float) -> None:
    one.after.append((other, leaves))
    other.before.append((one, leaves))


# --- order and heights --------------------------------------------------------------------------------------------------


def _order(layers: list[list[_Place]]) -> None:
    """Order every column by the middle of its neighbours, to and fro; the order with the fewest crossings stays."""
    best, fewest = [list(layer) for layer in layers], _crossings(layers)
    for sweep in range(SWEEPS):
        if not fewest:
            break
        down = sweep % 2 == 0
        for layer in layers if down else reversed(layers):
            index = {id(place): number for other in layers for number, place in enumerate(other)}
            middles = {id(place): _middle(place, index, down) for place in layer}
            layer.sort(key=lambda place, middles=middles: middles[id(place)])  # type: ignore[misc]
        crossings = _crossings(layers)
        if crossings < fewest:
            best, fewest = [list(layer) for layer in layers], crossings
    for layer, order in zip(layers, best, strict=True):
        layer[:] = order


def _middle(place: _Place, index: Mapping[int, int], down: bool) -> float:
    """Where the neighbours lie, by their place in the column and where their arrow leaves; its own place without any."""
    if down:
        found = [index[id(other)] + leaves / (other.height + 1) for other, leaves in place.before]
    else:
        found = [float(index[id(other)]) for other, _ in place.after]
    return sum(found) / len(found) if found else float(index[id(place)])


def _crossings(layers: list[list[_Place]]) -> int:
    count = 0
    for left, right in pairwise(layers):
        index = {id(place): number for number, place in enumerate(right)}
        ends = [index[id(end)] for place in left for end, _ in sorted(place.after, key=lambda pair: pair[1])]
        seen: list[int] = []
        for end in ends:
            count += len(seen) - bisect_right(seen, end)
            insort(seen, end)
    return count


def _straighten(layers: list[list[_Place]], gap: float) -> None:
    """Give every box the height its neighbours ask for, as far as the order and the gaps allow."""
    for layer in layers:
        _settle(
            layer, [float(sum(place.height + gap for place in layer[:number])) for number in range(len(layer))], gap
        )
    for sweep in range(SWEEPS):
        down = sweep % 2 == 0
        for layer in layers if down else reversed(layers):
            _settle(layer, [_wish(place, down) for place in layer], gap)


def _wish(place: _Place, down: bool) -> float:
    """The top that would make the arrows of one side straight; where it lies when there are none."""
    enters = min(place.height / 2, 20.0)
    if down:
        found = [other.top + leaves - enters for other, leaves in place.before]
    else:
        found = [other.top + min(other.height / 2, 20.0) - leaves for other, leaves in place.after]
    return sum(found) / len(found) if found else place.top


def _settle(layer: list[_Place], wishes: list[float], gap: float) -> None:
    """The tops nearest to the wishes (least squares) that keep order and gaps: neighbours that collide move as one."""
    blocks: list[tuple[float, float, list[_Place]]] = []  # sum of wishes and weight, less what lies above in the block
    for place, wish in zip(layer, wishes, strict=True):
        weight = 4.0 if place.lane else 1.0  # a bend in a passing arrow hurts more than a box off its line
        block = (wish * weight, weight, [place])
        while blocks and _end(blocks[-1], gap) > block[0] / block[1]:
            total, heavy, above = blocks.pop()
            offset = sum(each.height + gap for each in above)
            block = (total + block[0] - offset * block[1], heavy + block[1], above + block[2])
        blocks.append(block)
    for total, heavy, inside in blocks:
        top = total / heavy
        for place in inside:
            place.top = top
            top += place.height + gap


def _end(block: tuple[float, float, list[_Place]], gap: float) -> float:
    return block[0] / block[1] + sum(place.height + gap for place in block[2])


def _route(
    start: _Place, end: _Place, exit_y: float, chain: list[_Place], step: float, box_width: float
) -> tuple[tuple[float, float], ...]:
    """From the right side of one box through the columns to the left side of the other."""
    points = [(start.column * step + box_width, start.top + exit_y)]
    for spot in chain:
        middle = spot.top + LANE / 2
        points += [(spot.column * step, middle), (spot.column * step + box_width, middle)]
    return (*points, (end.column * step, end.top + min(end.height / 2, 20.0)))
