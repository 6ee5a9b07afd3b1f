"""Reading what came back to the open question: a button, a typed choice, a typed answer.

The functions that take an answer say whether the conversation goes on (True: run) or waits again, for her or for the host.
"""

from __future__ import annotations

from flows import answers, dates, picking, places_dialog, questions, weighing
from flows.effects import Value
from flows.offers import Offer, offers
from flows.program import Task
from flows.schema import AskType
from flows.session import Stage, Wait
from flows.text import Key, Phrasebook, clean
from flows.turn import FlowFault, Turn

_INVALID = {
    AskType.TEXT: "invalid_text",
    AskType.NUMBER: "invalid_number",
    AskType.PLACE: "place_unknown",
    AskType.YES_NO: "invalid_yes_no",
    AskType.AGE_BAND: "invalid_age",
    AskType.TIME: "invalid_time",
    AskType.DATE: "invalid_date",
    AskType.CODE: "invalid_code",
    AskType.LANGUAGE: "choose_again",
}


def press(turn: Turn, task: Task, index: int) -> bool:
    """Take the button with this index of the open question; False when there is none."""
    wait = turn.wait
    if wait is None:
        return False
    if task.many:
        return picking.pressed(turn, task, index)
    if task.options is not None:
        if index >= len(task.options.options):
            return False
        take_choice(turn, task, index)
        return True
    found = offers(turn, task, wait)
    if index >= len(found):
        return False
    take_offer(turn, task, found[index])
    return True


def take_choice(turn: Turn, task: Task, index: int) -> None:
    """Her choice: raise what it raises, keep what it sets, go where it goes."""
    assert task.options is not None
    option = task.options.options[index]
    turn.stop_waiting()
    turn.visited.append(f"{task.place}:{option.id}")
    if option.raised is not None:
        turn.effects.append(option.raised)
    if task.consent is not None:
        weighing.decide(turn, task, task.consent, agreed=option.id == "yes")
    weighing.score(turn, task, (option,))
    if task.save:
        turn.keep(task.save, option.id)
    for name, value in option.sets:
        turn.keep(name, value)
    turn.move(questions.way_out(turn, option.goto))


def take_offer(turn: Turn, task: Task, offer: Offer) -> bool:
    """A button of an `ask` step; True when the conversation goes on, False when it waits again."""
    if offer.act == "skip":
        return questions.skip(turn, task)
    if offer.act == "none":
        return questions.missed(turn, task, "place_unknown", turn.wait.tries if turn.wait else 0)
    return questions.save(turn, task, offer.value, offer.shown)


def answer(turn: Turn, task: Task, text: str, key: Key) -> bool | None:
    """A typed text at an `ask` step; None when it is no answer, and nothing has changed then."""
    wait, question = turn.wait, task.question
    if wait is None or question is None:
        raise FlowFault("no-question", task.place)
    offered = offers(turn, task, wait)
    meant = _offer_meant(question.type, wait, offered, key, turn.program.yes_no)
    if meant is not None:
        return take_offer(turn, task, meant)
    passes = bool(question.skip) and wait.stage is Stage.ANSWER and turn.program.everyday.passes(key)
    if passes and question.type in (AskType.PLACE, AskType.TEXT):
        return questions.skip(turn, task)
    if question.type is AskType.PLACE:
        return places_dialog.typed(turn, clean(text), wait.tries)
    value = _read(turn, task, question.type, text, key)
    if value is None:
        return questions.skip(turn, task) if passes else None
    return questions.save(turn, task, value)


def unreadable(turn: Turn, task: Task) -> bool:
    """The text was no answer: say so and wait, or pass on after the last try."""
    assert task.question is not None
    return questions.missed(turn, task, _INVALID[task.question.type], turn.wait.tries if turn.wait else 0)


def keep_text(turn: Turn, task: Task, text: str) -> None:
    """Take a text as the answer of a free-text question without running on."""
    kept = clean(text)
    if kept:
        questions.save(turn, task, kept)


def _offer_meant(kind: AskType, wait: Wait, offered: list[Offer], key: Key, book: Phrasebook[bool]) -> Offer | None:
    if not offered or not key.folded:
        return None
    index = Phrasebook((offer.label, at) for at, offer in enumerate(offered)).find_only(key)
    placing = wait.stage is not Stage.ANSWER
    if index is None and kind is not AskType.NUMBER:
        index = answers.option_number(key, len(offered))
    if index is not None:
        return offered[index]
    yes = answers.yes_or_no(key, book) if placing or kind is AskType.YES_NO else None
    if yes is None or (yes and wait.stage is Stage.PICK_PLACE):
        return None
    if placing:
        return offered[0] if yes else offered[-1]
    return next(offer for offer in offered if offer.value is yes)


def _read(turn: Turn, task: Task, kind: AskType, text: str, key: Key) -> Value:
    if kind is AskType.TEXT:
        return clean(text) or None
    if kind is AskType.NUMBER:
        variable = turn.program.variables[task.save]
        return answers.number(key, variable.min, variable.max)
    if kind is AskType.AGE_BAND:
        return answers.age_band(key)
    if kind is AskType.TIME:
        return answers.time_of_day(text)
    if kind is AskType.DATE:
        assert task.question is not None
        return dates.day_meant(text, dates.today(turn.now, turn.library.manifest.utc_offset), task.question.side)
    if kind is AskType.CODE:
        return answers.return_code(clean(text))
    if kind is AskType.LANGUAGE:
        return turn.program.named.find_only(key)
    return None  # yes or no was looked for among the buttons
