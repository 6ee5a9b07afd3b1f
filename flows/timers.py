"""Timers and how they stand to each other: the silence of an open question, and the time limit of a call. (The third, an answer
owed to lines in quick succession, only says something: `flows.asking_again`.)

- A call's limit (`within`) runs from the call; answers do not stretch it. A question's silence begins anew with each of her
  messages that the question takes.
- Only the calls that lead straight to the open question count. What breaks in (help, danger, a person, …) suspends the
  limits below it, and so does a human talk.
- A limit that passes while it is suspended begins again in full when the conversation comes back; after a human talk that
  the flow asked for, every limit does.
- The earliest timer is due first. Of several that are due the outermost call wins: it ends all that lies inside.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING

from flows.session import Frame, State, Status

if TYPE_CHECKING:
    from flows.turn import Turn


def next_due_at(turn: Turn) -> datetime | None:
    """When the next timer is due; None while she is not waited for."""
    if turn.status is not Status.WAITING:
        return None
    limits = [frame.due_at for frame in turn.frames if frame.due_at is not None] and [
        due_at for index in _running(turn) if (due_at := turn.frames[index].due_at) is not None
    ]
    own = [due_at for due_at in (turn.due_at, turn.again.owed_at) if due_at is not None]
    return min([*limits, *own], default=None)


def call_over(turn: Turn) -> bool:
    """Leave the outermost call whose time is over, for the step it names; False when there is none."""
    over = [index for index in _running(turn) if _is_over(turn, turn.frames[index])]
    if not over:
        return False
    del turn.frames[over[-1] + 1 :]
    task = turn.task()
    if task.within is None:
        return False
    turn.stop_waiting()
    turn.visited.append(f"{task.place}~within")
    turn.move(task.within[1])
    return True


def renew(turn: Turn, *, only_passed: bool) -> None:
    """Begin the limits of the running calls again in full; with `only_passed` those that passed while suspended."""
    for index in _running(turn):
        frame = turn.frames[index]
        task = turn.program.tasks.get((frame.flow, frame.step))
        if frame.due_at is None or task is None or task.within is None or (only_passed and not _is_over(turn, frame)):
            continue
        turn.frames[index] = replace(frame, due_at=turn.now + task.within[0])


def _running(turn: Turn) -> Iterator[int]:
    """The calls that lead straight to the step on top, the innermost first."""
    for index in range(len(turn.frames) - 2, -1, -1):
        if turn.frames[index].state is not State.CALLED:
            return
        yield index


def _is_over(turn: Turn, frame: Frame) -> bool:
    return frame.due_at is not None and frame.due_at <= turn.now
