"""Running: from step to step until the conversation waits, asks the host or ends."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace

from flows import questions, timers
from flows.effects import (
    AllowLateAnswer,
    AskCanRemind,
    AskOnDuty,
    CancelHuman,
    Erase,
    FindServices,
    ForgetReminder,
    Handover,
    Hush,
    MakeReturnCode,
    RedeemReturnCode,
    Refer,
    Remind,
    Value,
)
from flows.program import Errand, Task
from flows.schema import DoName, StepKind
from flows.session import Frame, State, Status
from flows.turn import FlowFault, Turn


def run(turn: Turn) -> None:
    """Run the step on top and what follows it, until something is waited for. Raises FlowFault."""
    turn.status = Status.WAITING
    going = True
    while going:
        if turn.alarm:
            _raise_alarm(turn)
        task = turn.task()
        if task.kind in _STOPS and turn.concern == "pending" and concern_is_due(turn):
            turn.concern = "offered"
            turn.push(turn.program.interrupts["concern"])
            continue
        if task.kind in _QUESTIONS and turn.asked and _first_is_over(turn):
            sign, turn.asked = answerable(turn, (turn.asked,)), ""
            if sign:
                turn.push(turn.program.questions[sign])
                continue
        turn.pass_step(task)
        if task.raised is not None:
            turn.effects.append(task.raised)
        for name, value in task.sets:
            turn.keep(name, value)
        going = _RUN[task.kind](turn, task)


def _raise_alarm(turn: Turn) -> None:
    """A score that reaches emergency brings what a danger sign brings, unless that is what is running."""
    turn.alarm = False
    flow = turn.program.interrupts["danger"]
    if not any(frame.flow == flow for frame in turn.frames):
        turn.push(flow)


def _first_is_over(turn: Turn) -> bool:
    """Has the flow whose question she has just answered come to its end? Whether she is safe goes before what she asks. What
    the first flow of a stay asks by itself is over with its answer.
    """
    if turn.began or not turn.origin:
        return False
    return len(turn.origin) == 1 or all(frame.flow != turn.origin[-1].flow for frame in turn.frames)


_QUESTIONS = frozenset({StepKind.CHOICES, StepKind.ASK})
_STOPS = _QUESTIONS | {StepKind.END}


def concern_is_due(turn: Turn) -> bool:
    """Should a person be offered now? Not over the first contact, and not inside help, danger, a human, stop or delete."""
    if turn.concern != "pending" or turn.began:
        return False
    return not any(frame.flow in turn.program.breaking for frame in turn.frames)


def answerable(turn: Turn, asks: Iterable[str]) -> str:
    """Which of the things she asks has a flow that answers it now; "" inside help, danger, a human, stop or delete, while a
    person is called, inside such an answer, and in a flow that says `questions: no`.
    """
    if turn.called or any(frame.flow in turn.program.closed for frame in turn.frames):
        return ""
    found = {*asks}
    return next((sign for sign in turn.program.questions if sign in found), "")


def go_on(turn: Turn, task: Task) -> bool:
    """Take the step's `next`."""
    if task.way is None:
        raise FlowFault("no-way-on", task.place)
    turn.move(questions.way_out(turn, task.way))
    return True


def _say_all(turn: Turn, task: Task) -> None:
    for template in task.says:
        turn.say(template, kind=task.say_kind)


def _pass(turn: Turn, task: Task) -> bool:
    _say_all(turn, task)
    return go_on(turn, task)


def _ask(turn: Turn, task: Task) -> bool:
    questions.open_question(turn, task)
    return False


def _call(turn: Turn, task: Task) -> bool:
    _say_all(turn, task)
    due_at = None if task.within is None else turn.now + task.within[0]
    turn.frames[-1] = Frame(task.flow, task.name, State.CALLED, due_at)
    turn.push(task.call)
    return True


def _return(turn: Turn, task: Task) -> bool:
    _say_all(turn, task)
    turn.frames.pop()
    if not turn.frames:
        turn.end("done")
        return False
    below = turn.frames[-1]
    if below.state is not State.CALLED:
        timers.renew(turn, only_passed=True)  # something had broken in
    if below.state is State.FRESH:
        return True
    task = turn.task()
    if below.state is State.OPEN:
        questions.open_question(turn, task)
        return False
    if below.state is State.HANDED:
        turn.status = Status.HANDED_OVER
        return False
    if below.state is State.RELEASED:
        turn.move(task.on_release)
        return True
    return go_on(turn, task)


def _end(turn: Turn, task: Task) -> bool:
    _say_all(turn, task)
    turn.end(task.outcome)
    return False


def _handover(turn: Turn, task: Task) -> bool:
    _say_all(turn, task)
    turn.effects.append(Handover(task.desk, task.reason))
    turn.move(task.name, State.HANDED)
    turn.history, turn.origin = (), None  # `back` does not lead behind a call for a human
    turn.concern = "offered"
    turn.status = Status.HANDED_OVER
    return False


def _remind(turn: Turn, task: Task) -> bool:
    """Ask the host to write to her later; without her consent or her hour nothing is asked for, whatever the flow does."""
    _say_all(turn, task)
    reminder = task.reminder
    assert reminder is not None
    at = _text_of(turn, reminder.at)
    if at and turn.agreed(reminder.purpose):
        text, audio = turn.text(reminder.text), turn.recording(reminder.text)
        turn.effects.append(Remind(text, at, reminder.days, reminder.purpose, task.place, audio, turn.language))
    return go_on(turn, task)


def _refer(turn: Turn, task: Task) -> bool:
    """Ask the desk to send her on, with the answers she agreed to pass on; without her consent nothing is asked for."""
    _say_all(turn, task)
    referral = task.referral
    assert referral is not None
    if turn.agreed(referral.purpose):
        shared = [(item, "; ".join(filter(None, map(turn.shown, names)))) for item, names in referral.share]
        needs = tuple(dict.fromkeys([*referral.needs, *filter(None, [_text_of(turn, referral.need)])]))
        near = _text_of(turn, referral.near)
        asked, text = turn.consent_asked(referral.purpose)
        turn.effects.append(Refer(needs, near, tuple(shared), referral.purpose, task.place, asked, text))
    return go_on(turn, task)


# --- errands of the host --------------------------------------------------------------------------------------------


def _do(turn: Turn, task: Task) -> bool:
    _say_all(turn, task)
    errand = task.errand
    assert errand is not None
    if errand.name in _ASKS:
        _put(turn, errand)
        return False
    if errand.name is DoName.LATE_ANSWER:
        turn.effects.append(AllowLateAnswer(errand.wish, _text_of(turn, errand.variable)))
    elif errand.name is DoName.SPEAK:
        turn.keep(task.save, _speak(turn, _text_of(turn, errand.variable)))
    elif errand.name is DoName.FORGET_REMINDER:
        turn.effects.append(ForgetReminder())
    elif errand.name is DoName.HUSH:
        turn.effects.append(Hush())
    elif errand.name is DoName.ERASE:
        turn.effects.append(Erase())
    else:
        turn.effects.append(CancelHuman())
        # The machine answers again where a human was waited for; while one talks with her the host does not ask us.
        release_parked(turn)
    return go_on(turn, task)


_ASKS = frozenset({DoName.FIND_SERVICES, DoName.ON_DUTY, DoName.MAKE_CODE, DoName.REDEEM_CODE, DoName.CAN_REMIND})


def _put(turn: Turn, errand: Errand) -> None:
    if errand.name is DoName.FIND_SERVICES:
        turn.put(FindServices(_text_of(turn, errand.variable), errand.needs, errand.limit, turn.language))
    elif errand.name is DoName.ON_DUTY:
        turn.put(AskOnDuty(errand.desk))
    elif errand.name is DoName.MAKE_CODE:
        turn.put(MakeReturnCode())
    elif errand.name is DoName.CAN_REMIND:
        turn.put(AskCanRemind())
    else:
        turn.put(RedeemReturnCode(_text_of(turn, errand.variable)))


def _speak(turn: Turn, language: str) -> bool:
    """Go on in a language; False when the machine does not speak it, and nothing changes then."""
    known = turn.program.languages.get(language)
    if known is None or not known.speaks:
        return False
    turn.language = "" if language == turn.program.language else language
    return True


def _text_of(turn: Turn, variable: str) -> str:
    value = turn.variables.get(variable)
    return value if isinstance(value, str) else ""


def errand_done(turn: Turn, task: Task, value: Value) -> None:
    """Save the host's answer and go on; None (could not be found out) counts as nothing found, no, or no code."""
    errand = task.errand
    if errand is None:
        raise FlowFault("no-such-question", task.place)
    if errand.name is DoName.FIND_SERVICES:
        turn.keep(task.save, value if isinstance(value, list) else [])
    elif errand.name is DoName.MAKE_CODE:
        turn.keep(task.save, str(value or ""))
    else:
        turn.keep(task.save, value is True)
    go_on(turn, task)


def release_parked(turn: Turn) -> None:
    """Every flow that waits for a human goes on at its `on_release` when the conversation comes back to it."""
    if any(frame.state is State.HANDED for frame in turn.frames):
        turn.frames = [
            replace(frame, state=State.RELEASED) if frame.state is State.HANDED else frame for frame in turn.frames
        ]
        turn.history = ()


_RUN: dict[StepKind, Callable[[Turn, Task], bool]] = {
    StepKind.PASS: _pass,
    StepKind.CHOICES: _ask,
    StepKind.ASK: _ask,
    StepKind.CALL: _call,
    StepKind.RETURN: _return,
    StepKind.END: _end,
    StepKind.HANDOVER: _handover,
    StepKind.REMIND: _remind,
    StepKind.REFER: _refer,
    StepKind.DO: _do,
}
