"""What surely holds at each step, on whichever way it was reached: taken back step by step until nothing changes."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Mapping
from typing import TypeAlias

from flows.library import Library

Place: TypeAlias = tuple[str, str]
"""A flow and a step."""


def settle(
    at: dict[Place, frozenset[str]],
    leads_to: Callable[[Place], Iterable[tuple[Place, frozenset[str]]]],
    callers: Mapping[Place, list[Place]],
) -> None:
    """Take back from `at` what does not hold on every way; `callers` are looked at again when a `return` step changes.

    Sets only ever shrink, so it ends.
    """
    queue, queued = deque(at), set(at)
    while queue:
        place = queue.popleft()
        queued.discard(place)
        for target, sure in leads_to(place):
            kept = at[target] & sure
            if kept == at[target]:
                continue
            at[target] = kept
            for other in (target, *callers.get(target, ())):
                if other not in queued:
                    queued.add(other)
                    queue.append(other)


def return_steps(library: Library) -> dict[str, list[Place]]:
    """The `return` steps of each flow."""
    return {
        name: [(name, step) for step, part in flow.steps.items() if part.returns]
        for name, flow in library.flows.items()
    }


def callers_of(library: Library) -> dict[Place, list[Place]]:
    """For each `return` step, the steps that call its flow."""
    found: dict[Place, list[Place]] = {}
    returns = return_steps(library)
    for name, flow in library.flows.items():
        for step, part in flow.steps.items():
            for place in returns.get(part.call or "", ()):
                found.setdefault(place, []).append((name, step))
    return found
