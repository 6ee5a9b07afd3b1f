"""Moving a conversation from one version of the content to another, where the new version says how.

A session finishes on the version it began with unless the new set's `moved:` names the step it stands on ("flow.step"), or
the whole flow ("flow"): then it goes on there. Nothing is guessed, and an answer is never read as the answer to a question
she was not asked: where the question differs, it is put anew at her next message.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum

from flows import timers
from flows.effects import Value
from flows.library import Library
from flows.manifest import Variable, VariableType
from flows.program import Program, Task
from flows.schema import StepKind
from flows.session import Frame, Session, State, Status
from flows.turn import Turn

_NO_TIME = datetime(2000, 1, 1, tzinfo=UTC)  # timers are looked up here, none is asked whether it is over


class Fate(StrEnum):
    """What becomes of one conversation when another version is published."""

    MOVED = "moved"  # goes on where it stood, the open question still open
    ASKED_ANEW = "asked_anew"  # goes on, and the question of its new place is put at her next message
    STAYS = "stays"  # finishes on the version it began with


@dataclass(frozen=True, slots=True)
class Migration:
    """One conversation before and after. Shows places and names of variables, never what they hold."""

    session: Session
    fate: Fate
    before: str  # "flow.step", or "" when it stood nowhere
    after: str
    dropped: tuple[str, ...] = ()  # variables that the new version cannot hold


def migrate(session: Session, old: Library, new: Library) -> Migration:
    """Move a session from `old` (its version) to `new` as far as the new set's `moved:` says; pure, and safe to repeat.

    The session comes back as it was when it stays.
    """
    before = session.place()
    stays = Migration(session, Fate.STAYS, before, before)
    if session.version == new.version or session.status is Status.ASKING_HOST:
        return stays
    if session.status is Status.ENDED:
        return replace(stays, session=_told(session, new, version=new.version), fate=Fate.MOVED)
    top = session.frames[-1]
    if not _declared(new.manifest.moved, top):
        return stays
    asked = top.state is State.OPEN
    frames = _moved_frames((*session.frames[:-1], replace(top, state=State.FRESH) if asked else top), new)
    if frames is None:
        return stays
    task = new.program.tasks[frames[-1].flow, frames[-1].step]
    same = not asked or _same_question(old.program.tasks.get((top.flow, top.step)), task)
    if asked and same:
        frames = (*frames[:-1], replace(frames[-1], state=State.OPEN))
    wait = session.wait if same else None
    moved = _told(session, new, version=new.version, frames=frames, wait=wait, history=())
    history = tuple(mapped for past in session.history if (mapped := _moved_frames(past, new)) is not None)
    due_at = session.own_due_at if same and task.silence is not None else None
    moved = moved.evolve(history=history, own_due_at=due_at)
    moved = moved.evolve(silence_due_at=timers.next_due_at(Turn(new, moved, _NO_TIME)))
    dropped = tuple(sorted(name for name in session.variables if name not in moved.variables and "." not in name))
    return Migration(moved, Fate.MOVED if same else Fate.ASKED_ANEW, before, moved.place(), dropped)


def tally(migrations: Iterable[Migration]) -> Mapping[Fate, Mapping[str, int]]:
    """How many conversations move, are asked anew and stay, by the step they stand on: for whoever publishes."""
    counts = {fate: Counter[str]() for fate in Fate}
    for migration in migrations:
        counts[migration.fate][migration.before] += 1
    return counts


def now_at(moved: Mapping[str, str], flow: str, step: str) -> str:
    """Where a step of an earlier version is now, as "flow.step", or "flow" for the start of a flow; follows chains."""
    place, seen = f"{flow}.{step}", {f"{flow}.{step}"}
    while True:
        flow, _, step = place.partition(".")
        target = moved.get(place)
        if target is None:
            target = moved.get(flow)
            target = f"{target}.{step}" if target is not None and "." not in target and step else target
        if target is None or target in seen:
            return place
        seen.add(target)
        place = target


def _declared(moved: Mapping[str, str], frame: Frame) -> bool:
    return f"{frame.flow}.{frame.step}" in moved or frame.flow in moved


def _moved_frames(frames: tuple[Frame, ...], new: Library) -> tuple[Frame, ...] | None:
    """The same frames in the new version; None when one of them has no place there."""
    found: list[Frame] = []
    for frame in frames:
        flow, _, step = now_at(new.manifest.moved, frame.flow, frame.step).partition(".")
        step = step or new.program.starts.get(flow, "")
        if (flow, step) not in new.program.tasks:
            return None
        found.append(Frame(flow, step, frame.state, frame.due_at))
    fits = all(
        _fits(new.program, frame, found[index + 1].flow if index + 1 < len(found) else "")
        for index, frame in enumerate(found)
    )
    return tuple(found) if fits else None


def _fits(program: Program, frame: Frame, above: str) -> bool:
    """Can the conversation stand in this state on that step?"""
    task = program.tasks[frame.flow, frame.step]
    if frame.state is State.CALLED:
        return task.kind is StepKind.CALL and task.call == above
    if frame.state in (State.HANDED, State.RELEASED):
        return task.kind is StepKind.HANDOVER
    return frame.state is State.FRESH or task.kind.waits


def _same_question(old: Task | None, new: Task) -> bool:
    """Would an answer to the old question mean the same as an answer to the new one?"""
    if old is None or old.kind is not new.kind or old.many != new.many or old.consent != new.consent:
        return False
    if old.options is not None and new.options is not None:
        return [option.id for option in old.options.options] == [option.id for option in new.options.options]
    return old.question is not None and new.question is not None and old.question.type is new.question.type


def _told(session: Session, new: Library, **changes: object) -> Session:
    """The session with the new version's variables only."""
    variables = {name: value for name, value in session.variables.items() if _holds(new, name, value)}
    return session.evolve(variables=variables, **changes)


def _holds(new: Library, name: str, value: Value) -> bool:
    base, _, part = name.partition(".")
    if base == "consent" and part:
        return part.partition(".")[0] in new.manifest.consents
    variable = new.manifest.variables.get(base)
    return variable is not None and (bool(part) or _can_hold(variable, value))


def _can_hold(variable: Variable, value: Value) -> bool:
    kind = variable.type
    if kind is VariableType.CHOICE:
        return value in variable.values
    if kind is VariableType.CHOICES:
        return isinstance(value, list) and all(one in variable.values for one in value)
    if kind in (VariableType.YES_NO, VariableType.FLAG):
        return isinstance(value, bool)
    if kind is VariableType.NUMBER:
        return isinstance(value, int) and not isinstance(value, bool) and variable.min <= value <= variable.max
    if kind is VariableType.SCORE:
        return isinstance(value, int) and not isinstance(value, bool)
    return isinstance(value, list) if kind is VariableType.SERVICES else isinstance(value, str)
