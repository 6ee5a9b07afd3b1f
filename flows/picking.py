"""Which of the choices she means, and questions where several of them may be taken.

One typed or pressed choice is ticked and the question stays open; several typed at once ("1, 3", "1 và 3") are all she had
to say. What a choice raises is raised when it is ticked, not at the end.
"""

from __future__ import annotations

import re
from dataclasses import replace

from flows import answers, questions, spelling, weighing
from flows.everyday import COURTESY
from flows.program import Option, Options, Task
from flows.session import Wait
from flows.severity import Severity
from flows.text import Key, Phrasebook, key_of, squeezed
from flows.turn import Turn

_BETWEEN = re.compile(r"[,;+&/\n]|\s+(?:và|va|voi|với|and)\s+", re.IGNORECASE)
_ENOUGH = (
    "hết", "hết rồi", "đủ", "đủ rồi", "xong rồi", "thế thôi", "vậy thôi", "không còn", "ko còn",
    "done", "that's all", "thats all", "that is all", "that's it", "enough", "no more", "nothing else", "none",
)  # fmt: skip


def choice_meant(turn: Turn, task: Task, key: Key) -> int | None:
    """Which choice a typed text is: by label or id, by number, or by a plain yes or no when the labels say that.

    In her language first, then as the flow was written: who reads English may still have learnt to type *có*.
    """
    for options in _in_her_languages(turn, task) if key.folded else ():
        found = options.book.find_only(key)
        if found is None:
            found = answers.option_number(key, len(options.options))
        if found is None and options.yes_no != (None, None) and not _rather_passes(turn, task, key):
            found = _plainly_meant(turn, options, key)
        if found is not None:
            return found
    return None


def everyday_meant(turn: Turn, task: Task, key: Key) -> int | None:
    """Which choice a label with courtesy around it means, or an everyday answer here; also with letters held down ("dạaaa").

    Neither decides a consent; an everyday answer takes no choice that says emergency, and does not end the stay out of help and
    danger.
    """
    if task.options is None or task.consent is not None or not key.folded:
        return None
    short = squeezed(key)
    for said in (key,) if short == key else (key, short):
        # Where a choice says emergency a label must be typed as it is; a yes or no held down is plain enough.
        exact = said is not key and not task.options.folded
        found = _plainly_meant(turn, task.options, said) if exact else _courteously_meant(turn, task, said)
        if found is None:
            found = _everyday_meant(turn, task, said)
        if found is not None:
            return found
    return None


def _plainly_meant(turn: Turn, options: Options, key: Key) -> int | None:
    """The choice that a plain yes or no means; "thôi" where a no says emergency is *never mind*, which rings nobody."""
    answer = answers.yes_or_no(key, turn.program.yes_no)
    found = None if answer is None else options.yes_no[answer]
    rings = found is not None and _is_emergency(options.options[found])
    return None if rings and turn.program.everyday.group(key) else found


def _courteously_meant(turn: Turn, task: Task, key: Key) -> int | None:
    found = (choice_meant(turn, task, words) for words in COURTESY.left(key))
    return next((index for index in found if index is not None), None)


def _everyday_meant(turn: Turn, task: Task, key: Key) -> int | None:
    """A choice whose label belongs to the same everyday words ("Không chắc") before those that the set names by id."""
    assert task.options is not None
    options, everyday = task.options.options, turn.program.everyday
    group, at = everyday.group(key), {option.id: index for index, option in enumerate(options)}
    alike: list[int] = []
    if everyday.takes_labels(group):
        alike = [index for index, option in enumerate(options) if everyday.group(key_of(option.label)) == group]
    named = [at[one] for one in everyday.meant(key) if one in at]
    index = next((one for one in (*alike, *named) if not _ends_help(turn, task, options[one])), None)
    return None if index is not None and _is_emergency(options[index]) else index


def _is_emergency(option: Option) -> bool:
    return option.raised is not None and option.raised.severity is Severity.EMERGENCY


def _rather_passes(turn: Turn, task: Task, key: Key) -> bool:
    """Is a word that could be a no ("thôi") rather a wish to pass, because this question may be passed?"""
    if task.options is None or all(option.id != "skip" for option in task.options.options):
        return False
    return "skip" in turn.program.everyday.meant(key) and bool(turn.program.everyday.group(key))


def _ends_help(turn: Turn, task: Task, option: Option) -> bool:
    """Is this *stop* on the emergency card, or anywhere while a person is called who will read? Then she must say it plainly."""
    if turn.called and option.id == "stop":
        return True
    events, following = turn.program.interrupts, turn.program.tasks.get((task.flow, option.goto.otherwise))
    ends = following is not None and following.call == events["stop"]
    return ends and task.flow in (events["help"], events["danger"])


def choice_nearly_meant(turn: Turn, task: Task, key: Key) -> int | None:
    """Which choice a mistyped text surely is; none in questions of consent and where a choice says emergency."""
    for options in _in_her_languages(turn, task) if key.folded else ():
        found = spelling.nearest(key.folded, options.folded) if options.folded else None
        if found is not None:
            return found
    return None


def _in_her_languages(turn: Turn, task: Task) -> tuple[Options, ...]:
    if task.options is None:
        return ()
    hers = task.options.in_language(turn.language)
    return (hers,) if hers is task.options else (hers, task.options)


def pressed(turn: Turn, task: Task, index: int) -> bool:
    """Take a button of a question with several choices; False when there is none such."""
    assert task.options is not None
    if index > len(task.options.options):
        return False
    if index == len(task.options.options):
        _finish(turn, task)
    else:
        _tick(turn, task, [index])
        _ask_on(turn, task)
    return True


def typed(turn: Turn, task: Task, text: str) -> bool | None:
    """Take a typed answer; True when the conversation goes on, False when it waits again, None when it is no answer."""
    assert task.options is not None
    assert turn.wait is not None
    key = key_of(text)
    one = choice_meant(turn, task, key)
    if one is not None:
        _tick(turn, task, [one])
        return _ask_on(turn, task)
    if _says_enough(turn, task, turn.wait, key):
        _finish(turn, task)
        return True
    parts = [part for part in _BETWEEN.split(text) if part.strip()] if len(text) <= 200 else []
    if len(parts) == 1 and all(word.isdecimal() for word in text.split()):
        parts = text.split()
    several = [choice_meant(turn, task, key_of(part)) for part in parts]
    if len(several) < 2 or None in several:
        return None
    _tick(turn, task, [index for index in several if index is not None])
    if not turn.alarm:
        _finish(turn, task)
    return _ask_on(turn, task) if turn.alarm else True


def keep(turn: Turn, task: Task, index: int) -> None:
    """Take one of several choices, and leave the question: something weightier comes first."""
    _tick(turn, task, [index])
    turn.stop_waiting()


def _says_enough(turn: Turn, task: Task, wait: Wait, key: Key) -> bool:
    assert task.options is not None
    last = questions.labels_of(turn, task, task.options, wait)[-1]
    book = Phrasebook([(word, True) for word in (last, *_ENOUGH)])
    number = answers.option_number(key, len(task.options.options) + 1)
    return (
        bool(book.find(key))
        or number == len(task.options.options)
        or answers.yes_or_no(key, turn.program.yes_no) is False
        or turn.program.everyday.passes(key)
    )


def _tick(turn: Turn, task: Task, indexes: list[int]) -> None:
    """Add choices to those taken: raise what they raise, keep what they set."""
    assert task.options is not None
    assert turn.wait is not None
    options = task.options.options
    before = set(turn.wait.codes)
    for option in (options[index] for index in indexes):
        if option.id in before:
            continue
        before.add(option.id)
        turn.visited.append(f"{task.place}:{option.id}")
        if option.raised is not None:
            turn.effects.append(option.raised)
            turn.alarm = turn.alarm or option.raised.severity is Severity.EMERGENCY
        for name, value in option.sets:
            turn.keep(name, value)
    taken = tuple(option for option in options if option.id in before)
    turn.wait = replace(turn.wait, codes=tuple(option.id for option in taken))
    turn.keep(task.save, [option.id for option in taken])
    weighing.score(turn, task, taken)


def _ask_on(turn: Turn, task: Task) -> bool:
    """Ask whether there is more; an emergency among the choices breaks in first, and the question comes back after it."""
    if turn.alarm:
        turn.stop_waiting()
        return True
    questions.again(turn, task, turn.template("more"))
    return False


def _finish(turn: Turn, task: Task) -> None:
    assert task.way is not None
    assert turn.wait is not None
    taken = list(turn.wait.codes)
    turn.stop_waiting()
    turn.keep(task.save, [*taken])
    if not taken:
        weighing.score(turn, task, ())
    turn.move(questions.way_out(turn, task.way))
