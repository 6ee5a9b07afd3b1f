"""The open question: putting it, putting it again, and leaving it with or without an answer."""

from __future__ import annotations

from dataclasses import replace

from flows import asking_again
from flows.conditions import holds
from flows.effects import Button, Value
from flows.offers import offers, places_offered
from flows.program import Options, Task, Way
from flows.schema import AskType
from flows.session import Stage, State, Status, Wait
from flows.templates import Template
from flows.turn import Turn


def way_out(turn: Turn, way: Way) -> str:
    """The step a way leads to, for the answers so far."""
    for condition, target in way.branches:
        if holds(condition, turn.variables):
            return target
    return way.otherwise


# --- putting it -----------------------------------------------------------------------------------------------------


def open_question(turn: Turn, task: Task, *, afresh: bool = False) -> None:
    """Say everything the step says, with its buttons on the last line, and wait.

    Of several choices, those taken before something broke in still count, unless the question begins `afresh`.
    """
    taken: tuple[str, ...] = ()
    if task.many and not afresh and turn.frames[-1].state is State.OPEN:
        kept = turn.variables.get(task.save)
        taken = tuple(map(str, kept)) if isinstance(kept, list) else ()
    wait = turn.open(Stage.CHOICES if task.options is not None else Stage.ANSWER, codes=taken)
    _say_with_buttons(turn, task, wait, first=0)


def repeat(turn: Turn, task: Task) -> None:
    """The whole question once more, under the same number: its buttons above still count."""
    wait = turn.wait
    if wait is not None and wait.stage in (Stage.CONFIRM_PLACE, Stage.PICK_PLACE):
        say_places(turn, wait)
        turn.restart_silence(task.silence)
    elif wait is not None:
        _say_with_buttons(turn, task, wait, first=0)


def again(turn: Turn, task: Task, before: Template, *, alone: bool = False) -> None:
    """One line (why we ask again), then the question's last line with its buttons, under the same number. `alone`, and under an
    emergency card that she has just been shown, the line alone takes the buttons.
    """
    wait = turn.wait
    if wait is not None and (alone or asking_again.card_stands(turn)):
        turn.say(before, _buttons(turn, task, wait))
        turn.restart_silence(task.silence)
        asking_again.put(turn)
        return
    turn.say(before)
    asking_again.put(turn)
    if wait is not None and wait.stage in (Stage.CONFIRM_PLACE, Stage.PICK_PLACE):
        say_places(turn, wait)
        turn.restart_silence(task.silence)
    elif wait is not None:
        _say_with_buttons(turn, task, wait, first=len(task.says) - 1)


def say_who_is_there(turn: Turn, task: Task) -> None:
    """She asks whether anybody is there: the truth, and the question once more. Asked again within seconds, once she pauses."""
    if asking_again.answered_just_now(turn):
        _answer_later(turn, task)
    else:
        again(turn, task, asking_again.who_is_there(turn))


def _say_with_buttons(turn: Turn, task: Task, wait: Wait, first: int) -> None:
    last = len(task.says) - 1
    for template in task.says[first:last]:
        turn.say(template, kind=task.say_kind)
    takes_place = task.question is not None and task.question.type is AskType.PLACE
    turn.say(task.says[last], _buttons(turn, task, wait), task.say_kind, takes_place)
    turn.restart_silence(task.silence)


def _buttons(turn: Turn, task: Task, wait: Wait) -> tuple[Button, ...]:
    if task.options is not None:
        return turn.buttons(labels_of(turn, task, task.options, wait))
    return turn.buttons([offer.label for offer in offers(turn, task, wait)])


def labels_of(turn: Turn, task: Task, options: Options, wait: Wait) -> list[str]:
    """The labels of a choices step; where several may be taken, those that were are ticked, and the last one ends it."""
    options = options.in_language(turn.language)
    if not task.many:
        return [option.label for option in options.options]
    ticked = [f"✓ {option.label}" if option.id in wait.codes else option.label for option in options.options]
    return [*ticked, turn.phrase("enough" if wait.codes else "none_of_list")]


def say_places(turn: Turn, wait: Wait) -> None:
    """Put the question of a place dialog: is it this commune, or which of these?"""
    confirming = wait.stage is Stage.CONFIRM_PLACE
    buttons = turn.buttons([offer.label for offer in places_offered(turn, wait)])
    if confirming:
        turn.say_phrase("confirm_place", buttons, location=True, place=wait.names[0])
    else:
        turn.say_phrase("which_place", buttons, location=True)


def greet_back(turn: Turn) -> None:
    """Somebody who comes back to the open question after a while reads the flow's greeting before her message is taken."""
    pause, lines = turn.program.greetings.get(turn.frames[-1].flow, (None, ()))
    if pause is not None and turn.heard_at is not None and turn.now - turn.heard_at >= pause:
        for line in lines:
            turn.say(line)


# --- leaving it ------------------------------------------------------------------------------------------------------


def save(turn: Turn, task: Task, value: Value, shown: str = "") -> bool:
    """The question is answered: keep the value and go on."""
    assert task.way is not None
    turn.stop_waiting()
    turn.keep(task.save, value, shown)
    turn.move(way_out(turn, task.way))
    return True


def skip(turn: Turn, task: Task) -> bool:
    """She passes on this question."""
    assert task.question is not None
    turn.stop_waiting()
    turn.visited.append(f"{task.place}~skip")
    turn.move(task.question.skip)
    return True


def misread(turn: Turn, task: Task, *, refused: bool, hello: bool = False) -> bool:
    """A text was none of the choices: say so and ask again, or go where the step says after so many tries.

    `refused`: the text was a bare no. It may mean that she wants none of it, so it never leads her on. `hello`: a greeting.
    """
    assert turn.wait is not None
    tries = turn.wait.tries + 1
    if task.unclear is not None and not refused and tries >= task.unclear[0]:
        turn.stop_waiting()
        turn.visited.append(f"{task.place}~unclear")
        turn.move(task.unclear[1])
        return True
    turn.wait = replace(turn.wait, tries=tries)
    if not swallowed(turn, task):
        own = task.invalid[min(tries, len(task.invalid)) - 1] if task.invalid else None
        alone = own is None and tries % 2 == 0 and _speaks_for_itself(task)
        again(turn, task, own or asking_again.words(turn, hello=hello), alone=alone)
    return False


def _speaks_for_itself(task: Task) -> bool:
    """Is this a list that need not be introduced every time she writes something else? No yes or no, no consent, no ticks."""
    options = task.options
    if options is None or task.many or task.consent is not None:
        return False
    return len(options.options) > 2 and options.yes_no == (None, None)


def swallowed(turn: Turn, task: Task) -> bool:
    """Is this one of several lines in quick succession? Then nothing is said now: they are answered together."""
    if not asking_again.is_one_of_several(turn):
        return False
    _answer_later(turn, task)
    return True


def _answer_later(turn: Turn, task: Task) -> None:
    """Nothing is said now; the question stands again once she pauses."""
    asking_again.owe(turn)
    turn.status = Status.WAITING
    turn.restart_silence(task.silence)


def answer_together(turn: Turn, task: Task) -> None:
    """She has paused after several lines: the question stands under them again."""
    if task.options is not None:
        again(turn, task, asking_again.words(turn))
    else:
        repeat(turn, task)
        asking_again.put(turn)


def missed(turn: Turn, task: Task, phrase: str, tries: int) -> bool:
    """The answer could not be read: ask again, or pass on after the last try when the step can be passed."""
    question = task.question
    assert question is not None
    if swallowed(turn, task):
        return False
    tries += 1
    if question.skip and tries >= question.tries:
        return skip(turn, task)
    wait = turn.open(Stage.ANSWER, tries=tries)
    buttons = turn.buttons([offer.label for offer in offers(turn, task, wait)])
    takes_place = question.type is AskType.PLACE
    if question.invalid:
        turn.say(question.invalid[min(tries, len(question.invalid)) - 1], buttons, location=takes_place)
    elif phrase == "invalid_number":
        variable = turn.program.variables[task.save]
        turn.say_phrase(phrase, buttons, takes_place, min=variable.min, max=variable.max)
    else:
        turn.say_phrase(phrase, buttons, takes_place)
    asking_again.put(turn)
    turn.restart_silence(task.silence)
    return False


def go_back(turn: Turn) -> None:
    """To the question before; inside a place dialog, to its beginning."""
    task, wait = turn.task(), turn.wait
    if wait is not None and wait.stage in (Stage.CONFIRM_PLACE, Stage.PICK_PLACE):
        open_question(turn, task)
    elif not turn.history:
        again(turn, task, turn.template("nothing_before"))
    else:
        turn.stop_waiting()
        turn.frames, turn.history, turn.origin = list(turn.history[-1]), turn.history[:-1], None
        task = turn.task()
        turn.visited.append(task.place)
        open_question(turn, task, afresh=True)
