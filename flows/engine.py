"""The engine: one input in, one sprint out.

`advance` is a pure function: it reads no clock, asks no one, and gives the same sprint for the same arguments. The order of
things for a typed text is the order of safety: stop and delete, danger, help and a human, then `back` and `repeat`, and only
then the answers of the open question.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from flows import answers, asking_again, breaking_in, picking, places_dialog, questions, replies, run, timers
from flows.effects import (
    Answered,
    Chose,
    Input,
    PlaceAnswer,
    Released,
    Said,
    Shared,
    Silence,
    Sprint,
    Start,
    Unsupported,
)
from flows.everyday import ANYBODY, HELLO, PERSON
from flows.library import Library
from flows.program import Task
from flows.schema import AskType, StepKind
from flows.session import Session, Stage, State, Status, WrongVersion
from flows.severity import Severity
from flows.text import Key, key_of
from flows.turn import FlowFault, Turn, unchanged

__all__ = ["NoSuchFlow", "NothingAsked", "WrongVersion", "advance"]


FAREWELL = timedelta(minutes=5)
"""So long after she has stopped, a word of courtesy is no new beginning."""
LEFT = "left"
"""The outcome of a stay that she has ended herself."""


class NothingAsked(Exception):
    """`Answered` was given to a session that asked nothing: advance with what the seeker did instead."""

    code = "nothing-asked"


class NoSuchFlow(Exception):
    """`Start` names a flow that is not in the library: check the name against `library.flows`."""

    code = "no-such-flow"


def advance(library: Library, session: Session, input: Input, now: datetime) -> Sprint[Session]:
    """Take one input and go on to the next wait; the session that was given stays as it was.

    With a `question` in the sprint, carry out its effects, answer, and advance the new session with `Answered`; None as the
    answer means it could not be found out. `now` is aware, and only used to set the silence timer. A fault of the flow is a
    `Failed` effect; mistakes of the caller raise WrongVersion, NothingAsked or NoSuchFlow and change nothing.
    """
    if session.version != library.version:
        raise WrongVersion(f"session of version {session.version[:12]}, library of version {library.version[:12]}")
    turn = Turn(library, session, now)
    if isinstance(input, _FROM_HER):
        asking_again.heard(turn)
    try:
        changed = _TAKE[type(input)](turn, input)
        if changed and isinstance(input, _FROM_HER):
            turn.heard_at = now
    except FlowFault as fault:
        return turn.failed(fault)
    return turn.sprint() if changed else unchanged(session)


_FROM_HER = (Start, Said, Chose, Shared, Unsupported)


# --- one function per input; each says whether anything happened ------------------------------------------------------


def _start(turn: Turn, start: Start) -> bool:
    flow = start.flow or turn.program.entry
    if flow not in turn.program.starts:
        raise NoSuchFlow(f"no flow named {flow!r} in this library")
    turn.restart(flow)
    run.run(turn)
    return True


def _said(turn: Turn, said: Said) -> bool:
    key = key_of(said.text)
    turn.called = said.called
    word = turn.program.words.find(key) or ""
    if turn.status is Status.ENDED and not word and _says_farewell(turn, said, key):
        return False
    if turn.status is Status.ENDED:
        turn.restart(turn.program.entry)
    event = breaking_in.event_in(turn, said, word, key)
    if event:
        called = breaking_in.person_on_card(turn) if event == "human" else None
        if called is not None:
            replies.take_choice(turn, turn.task(), called)
            run.run(turn)
        elif event == "danger" and breaking_in.save_first(turn, said.text, key):
            run.run(turn)
        else:
            breaking_in.leave_behind(turn, event)
            breaking_in.interrupt(turn, event, key)
        return True
    if turn.status is Status.HANDED_OVER:
        if turn.called and turn.program.everyday.group(key) == ANYBODY:
            return asking_again.tell_who_is_there(turn)
        return asking_again.tell_once(turn)
    if said.danger is Severity.URGENT and not turn.concern:
        turn.concern = "pending"
    if turn.began:
        if not turn.program.everyday.group(key):  # "who are you" asks for no place
            turn.asked = run.answerable(turn, said.asks)
        run.run(turn)
    elif turn.status is Status.ASKING_HOST:
        turn.put_again()
    else:
        questions.greet_back(turn)
        _reply(turn, said, key, word)
    return True


def _says_farewell(turn: Turn, said: Said, key: Key) -> bool:
    """Is this only her courtesy after ours ("vâng ạ", "cảm ơn")? Greeting her anew would be no answer to it."""
    left_at = turn.heard_at
    if said.danger is not Severity.NONE or said.called or turn.outcome != LEFT:
        return False
    if left_at is None or turn.now - left_at > FAREWELL:
        return False
    return turn.program.everyday.is_courtesy(key)


def _reply(turn: Turn, said: Said, key: Key, word: str) -> None:
    """A typed text at an open question."""
    task, wait, text = turn.task(), turn.wait, said.text
    if wait is None:
        _ask_anew(turn, task)
        return
    group = turn.program.everyday.group(key)
    if group == ANYBODY:
        questions.say_who_is_there(turn, task)
        return
    if wait.stage is Stage.CHOICES:
        if task.many:
            goes_on = picking.typed(turn, task, text)
            if goes_on:
                run.run(turn)
            if goes_on is not None:
                return
        taken = None if task.many else picking.choice_meant(turn, task, key)
        if taken is None and not task.many and not word:
            taken = picking.everyday_meant(turn, task, key)
            if taken is None:
                taken = picking.choice_nearly_meant(turn, task, key)
        if taken is not None:
            replies.take_choice(turn, task, taken)
            run.run(turn)
            return
    if word == "back":
        questions.go_back(turn)
    elif word == "repeat":
        questions.repeat(turn, task)
    elif wait.stage is Stage.CHOICES:
        if group == PERSON and not breaking_in.asks_for_person(turn):
            breaking_in.interrupt(turn, "human")
            return
        if breaking_in.offer_person(turn) or breaking_in.answer_question(turn, said.asks):
            return
        refused = answers.yes_or_no(key, turn.program.yes_no) is False
        if questions.misread(turn, task, refused=refused, hello=group == HELLO):
            run.run(turn)
    else:
        goes_on = replies.answer(turn, task, text, key)
        if goes_on is None and not breaking_in.offer_person(turn) and not breaking_in.answer_question(turn, said.asks):
            goes_on = replies.unreadable(turn, task)
        if goes_on:
            run.run(turn)


def _ask_anew(turn: Turn, task: Task) -> None:
    """A conversation moved to another version was asked something that is no longer asked: put what is asked now."""
    if turn.frames[-1].state is not State.FRESH:
        raise FlowFault("no-question", task.place)
    run.run(turn)


def _chose(turn: Turn, chose: Chose) -> bool:
    if turn.status is Status.HANDED_OVER:
        return False
    if turn.status is Status.ENDED and chose.data == turn.pressed:
        return False  # the second press of the double press that ended the stay
    if turn.status is not Status.WAITING:
        return _begin_or_put_again(turn)
    questions.greet_back(turn)
    task, wait = turn.task(), turn.wait
    if wait is None:
        turn.say_phrase("stale_choice")
        _ask_anew(turn, task)
        return True
    index = _index_of(turn, chose.data)
    if index is None or not replies.press(turn, task, index):
        questions.again(turn, task, turn.template("stale_choice"))
        return True
    turn.pressed = chose.data
    if turn.wait is None:
        run.run(turn)
    return True


def _index_of(turn: Turn, data: str) -> int | None:
    """Which button of the open question is it? None for one of another question or session, or for anything else."""
    front = f"{turn.mark}{turn.wait.ask}." if turn.wait is not None else ""
    index = data[len(front) :]
    if not front or not data.startswith(front) or not index.isascii() or not index.isdigit() or len(index) > 3:
        return None
    return int(index)


def _shared(turn: Turn, shared: Shared) -> bool:
    if turn.status is Status.HANDED_OVER:
        return False
    if turn.status is not Status.WAITING:
        return _begin_or_put_again(turn)
    task = turn.task()
    if turn.wait is None:
        _ask_anew(turn, task)
    elif task.question is not None and task.question.type is AskType.PLACE:
        if places_dialog.resolved(turn, task, shared.place, tries=turn.wait.tries if turn.wait else 0, shared=True):
            run.run(turn)
    else:
        own = task.kind is StepKind.CHOICES
        questions.again(turn, task, asking_again.words(turn) if own else turn.template("unsupported"))
    return True


def _unsupported(turn: Turn, _: Unsupported) -> bool:
    if turn.status is Status.HANDED_OVER:
        return False
    if turn.status is Status.ENDED:
        turn.restart(turn.program.entry)
        turn.say_phrase("unsupported")
        run.run(turn)
        return True
    if turn.status is Status.ASKING_HOST:
        return _begin_or_put_again(turn)
    if turn.wait is None:
        turn.say_phrase("unsupported")
        _ask_anew(turn, turn.task())
    elif not questions.swallowed(turn, turn.task()):
        questions.again(turn, turn.task(), turn.template("unsupported"))
    return True


def _silence(turn: Turn, _: Silence) -> bool:
    task = turn.task() if turn.status is Status.WAITING else None
    if task is None:
        return False
    if timers.call_over(turn):
        run.run(turn)
        return True
    if asking_again.is_due(turn):
        questions.answer_together(turn, task)
        return True
    if task.silence is None or turn.due_at is None or turn.now < turn.due_at:
        return False  # she wrote in between, or the timer belonged to an earlier question
    turn.stop_waiting()
    turn.visited.append(f"{task.place}~silence")
    turn.move(task.silence[1])
    run.run(turn)
    return True


def _released(turn: Turn, _: Released) -> bool:
    parked = [index for index, frame in enumerate(turn.frames) if frame.state is State.HANDED]
    turn.stop_waiting()
    if not parked:
        if turn.status is Status.ENDED:
            turn.restart(turn.program.interrupts["released"])
            run.run(turn)
        else:
            breaking_in.interrupt(turn, "released")
        return True
    # Everything above the first call for a human belongs to the time of waiting, and that is over.
    del turn.frames[parked[0] + 1 :]
    turn.history, turn.origin = (), None
    task = turn.task()
    timers.renew(turn, only_passed=False)
    turn.visited.append(f"{task.place}~release")
    turn.move(task.on_release)
    run.run(turn)
    return True


def _answered(turn: Turn, answered: Answered) -> bool:
    if turn.status is not Status.ASKING_HOST or turn.pending is None:
        raise NothingAsked("the session asked nothing")
    task, pending = turn.task(), turn.pending
    turn.pending = None
    value = answered.value
    if pending.name == "ResolvePlace":
        place = value if isinstance(value, PlaceAnswer) else PlaceAnswer("none")
        if place.kind == "none" and breaking_in.offer_person(turn):
            return True  # it was no place she wrote about
        goes_on = places_dialog.resolved(turn, task, place, tries=pending.tries, shared=False)
    else:
        run.errand_done(turn, task, None if isinstance(value, PlaceAnswer) else value)
        goes_on = True
    if goes_on:
        run.run(turn)
    return True


def _begin_or_put_again(turn: Turn) -> bool:
    if turn.status is Status.ASKING_HOST:
        turn.put_again()
    else:
        turn.restart(turn.program.entry)
        run.run(turn)
    return True


_TAKE: dict[type, Callable[[Turn, Any], bool]] = {
    Start: _start,
    Said: _said,
    Chose: _chose,
    Shared: _shared,
    Unsupported: _unsupported,
    Silence: _silence,
    Released: _released,
    Answered: _answered,
}
