"""What breaks into a conversation: global words, danger, a person offered, the end of a human talk."""

from __future__ import annotations

from collections.abc import Sequence

from flows import asking_again, picking, questions, replies, run
from flows.effects import Said
from flows.everyday import PERSON
from flows.schema import AskType, StepKind
from flows.session import Frame, Stage, State, Status
from flows.severity import Severity
from flows.text import Key
from flows.turn import Turn

_LOOK_AHEAD = 5  # steps that say nothing between a choice and the card it leads to
PRIVACY = "privacy_asked"
_OFFERS_PERSON = frozenset({"danger", "help", "human"})


def event_in(turn: Turn, said: Said, word: str, key: Key) -> str:
    """Which event breaks into the open question: "stop", "delete", "danger", "help", "human", "language" or "".

    The emergency card does not break into itself: who tells of danger again while it stands before her and somebody is called
    is told that her words have come, see `asking_again`.
    """
    if word in ("stop", "delete"):
        return word
    stands = turn.called and asking_again.card_stands(turn)
    if said.danger is Severity.EMERGENCY and not _answers_danger_flow(turn, key):
        return "" if stands else "danger"
    if word == "help" and turn.again.quick and stands:
        return ""  # cried out twice
    if word in ("help", "human"):
        return word
    return word if word in turn.program.interrupts and word == "language" else ""


def _answers_danger_flow(turn: Turn, key: Key) -> bool:
    """Is the text a label of the danger flow's own question? Then it is an answer; else she could never get on by typing."""
    if turn.status is not Status.WAITING or turn.frames[-1].flow != turn.program.interrupts["danger"]:
        return False
    task = turn.task()
    return task.options is not None and picking.choice_meant(turn, task, key) is not None


def person_on_card(turn: Turn) -> int | None:
    """The choice of the emergency card that calls a person, while the card is the open question; None elsewhere. Who asks for a
    person there is asked nothing more.
    """
    on_card = turn.status is Status.WAITING and turn.frames[-1].flow == turn.program.interrupts["danger"]
    if not on_card or turn.wait is None or turn.wait.stage is not Stage.CHOICES:
        return None
    options = turn.task().options
    ids = [option.id for option in options.options] if options is not None else []
    return next((ids.index(one) for one in turn.program.everyday.choices_of(PERSON) if one in ids), None)


def offer_person(turn: Turn) -> bool:
    """Break in with the offer of a person, when a worrying text gave reason and nothing weightier is going on."""
    if not run.concern_is_due(turn):
        return False
    turn.concern = "offered"
    interrupt(turn, "concern")
    return True


def answer_question(turn: Turn, asks: Sequence[str]) -> bool:
    """Lead her to the answer, when her text was no answer to ours but asks something, and nothing weightier is going on. The
    first question of a stay goes before hers: it is whether she is safe; but how private it is here is a part of that.
    """
    sign = run.answerable(turn, asks)
    if not sign:
        return False
    if not turn.history and sign != PRIVACY:
        turn.asked = sign
        return False
    turn.asked = ""
    turn.stop_waiting()
    turn.push(turn.program.questions[sign])
    run.run(turn)
    return True


def asks_for_person(turn: Turn) -> bool:
    """Is she being asked about a person already?"""
    return any(frame.flow == turn.program.interrupts["human"] for frame in turn.frames)


def save_first(turn: Turn, text: str, key: Key) -> bool:
    """What breaks into a question may be its answer too, a free text or a choice typed out: it is kept, and asked for only once.

    True when the choice leads to the emergency card by itself: running on brings it, and breaking in would bring it twice.
    """
    if turn.wait is None:
        return False
    task = turn.task()
    if turn.wait.stage is Stage.CHOICES and task.consent is None:
        index = picking.choice_meant(turn, task, key)
        if index is None:
            return False
        if task.many:
            picking.keep(turn, task, index)
            return turn.alarm
        replies.take_choice(turn, task, index)
        return turn.alarm or _leads_to_card(turn)
    if task.question is not None and task.question.type is AskType.TEXT and turn.wait.stage is Stage.ANSWER:
        replies.keep_text(turn, task, text)
    return False


def leave_behind(turn: Turn, event: str) -> None:
    """The emergency card answers some questions by itself ("is it safe to write?"): she is not asked them again after it."""
    if event not in ("danger", "help") or turn.wait is None:
        return
    task = turn.task()
    if task.after_card:
        turn.stop_waiting()
        turn.visited.append(f"{task.place}~after_card")
        turn.move(task.after_card)


def _leads_to_card(turn: Turn) -> bool:
    """Does the conversation come to the card from here, whatever she has answered, and with not a word before it?"""
    danger, task = turn.program.interrupts["danger"], turn.task()
    for _ in range(_LOOK_AHEAD):
        if task.says or task.kind is not StepKind.PASS or task.way is None or task.way.branches:
            break
        task = turn.program.tasks[task.flow, task.way.otherwise]
    return not task.says and task.kind is StepKind.CALL and task.call == danger


def interrupt(turn: Turn, event: str, key: Key | None = None) -> None:
    """Put the event's flow on top and run it; a flow that is in the stack already starts anew instead of lying there twice.

    `key`: what she typed; one who names a language is not asked again which.
    """
    flow = turn.program.interrupts[event]
    turn.stop_waiting()
    if event in _OFFERS_PERSON:
        turn.asked = ""
    if event in _OFFERS_PERSON and _is_offered(turn):
        turn.frames.pop()  # what breaks in offers a person too: asking again afterwards would sound as if nobody were called
    for index in range(len(turn.frames) - 1, -1, -1):
        if turn.frames[index].flow == flow:
            del turn.frames[index + 1 :]
            turn.frames[index] = Frame(flow, turn.program.starts[flow])
            break
    else:
        turn.push(flow)
    if event == "language" and key is not None:
        _language_named(turn, key)
    run.run(turn)


def _is_offered(turn: Turn) -> bool:
    """Is the open question the offer of a person, and does something lie below it?"""
    top, concern = turn.frames[-1], turn.program.interrupts.get("concern")
    return (
        len(turn.frames) > 1 and top.state is State.OPEN and concern is not None and top.flow in _offers(turn, concern)
    )


def _offers(turn: Turn, concern: str) -> set[str]:
    """The flow that offers a person, and those to which it leaves the offering without a word of its own (a child is asked
    otherwise).
    """
    offers, steps, seen = {concern}, [turn.program.starts[concern]], set[str]()
    while steps:
        name = steps.pop()
        task = turn.program.tasks[concern, name]
        if name in seen or task.says:
            continue
        seen.add(name)
        if task.kind is StepKind.CALL and task.call:
            offers.add(task.call)
        elif task.kind is StepKind.PASS and task.way is not None:
            steps += [task.way.otherwise, *(step for _, step in task.way.branches)]
    return offers


def _language_named(turn: Turn, key: Key) -> None:
    task, code = turn.task(), turn.program.named.find_only(key)
    if code is not None and task.question is not None and task.question.type is AskType.LANGUAGE:
        turn.pass_step(task)
        questions.save(turn, task, code)
