"""A text was no answer: what she is told before the question is put again, and how often.

The first time in a stay it is said in full, later in shorter words that change. Lines written in quick succession are answered
once, and once more when she pauses, so that the question stands under them: nobody is left to wonder whether anybody reads.
While a person is called who will read along, she is told that instead, once.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from flows.effects import SayKind

if TYPE_CHECKING:
    from flows.templates import Template
    from flows.turn import Turn

QUICK: Final = timedelta(seconds=10)
"""Lines nearer to one another than this are one piece of writing."""
LONGEST_WAIT: Final = timedelta(seconds=60)
"""Who goes on writing without a pause is answered after so long all the same."""
CARD_AGAIN: Final = timedelta(minutes=2)
"""Danger told again within so long, with the emergency card still the open question, does not bring the same card again."""

SHORT: Final = ("choose_again_2", "choose_again_3", "choose_again_4")
"""The shorter words, in turn."""


def words(turn: Turn, *, hello: bool = False) -> Template:
    """What is said before the choices are put again. `hello`: what she wrote was a greeting, and nothing was told."""
    again = turn.again
    if turn.called and not again.called:
        turn.again = replace(again, times=again.times + 1, called=True)
        return turn.template("choose_again_called")
    if hello:
        return turn.template("choose_again_hello")
    if turn.asked:
        return turn.template("choose_again_asked")
    turn.again = replace(again, times=again.times + 1)
    return turn.template("choose_again" if again.times == 0 else SHORT[(again.times - 1) % len(SHORT)])


def tell_once(turn: Turn) -> bool:
    """She writes on while the flow is silent and somebody is called: she hears once that it will be read. True when said."""
    if not turn.called or turn.again.called:
        return False
    turn.again = replace(turn.again, called=True)
    turn.say(turn.template("choose_again_called"))
    return True


def tell_who_is_there(turn: Turn) -> bool:
    """She asks whether anybody is there: the truth, and no more than once within seconds. True when said."""
    if answered_just_now(turn):
        return False
    turn.say(who_is_there(turn))
    turn.again = replace(turn.again, said_at=turn.now, called=turn.again.called or turn.called)
    return True


def answered_just_now(turn: Turn) -> bool:
    """Does this line follow another within seconds, and was that one answered? Then the answer still stands before her eyes."""
    said_at = turn.again.said_at
    return turn.again.quick and said_at is not None and turn.now - said_at < QUICK


def who_is_there(turn: Turn) -> Template:
    """A machine; and whether somebody is being called."""
    return turn.template("anybody_called" if turn.called else "anybody")


def is_one_of_several(turn: Turn) -> bool:
    """Has this very question just been put again, and does this line follow another within seconds? Then both are answered
    together (`owed`), and nothing is said now.
    """
    again, wait = turn.again, turn.wait
    if wait is None or again.ask != wait.ask or again.said_at is None:
        return False
    return again.quick and turn.now - again.said_at < LONGEST_WAIT


def heard(turn: Turn) -> None:
    """A message of hers begins a sprint: does it follow another within seconds?"""
    quick = turn.heard_at is not None and turn.now - turn.heard_at < QUICK
    if quick is not turn.again.quick:
        turn.again = replace(turn.again, quick=quick)


def owe(turn: Turn) -> None:
    """The question is put once more when she pauses."""
    turn.again = replace(turn.again, owed_at=turn.now + QUICK)


def card_shown(turn: Turn) -> None:
    """She is being shown the emergency card; it offers a person too, so nobody need ask her about that afterwards."""
    turn.again = replace(turn.again, card_at=turn.now)
    turn.asked = ""
    if turn.concern == "pending":
        turn.concern = "offered"


def card_stands(turn: Turn) -> bool:
    """Is the emergency card the open question, and shown a moment ago? The numbers are before her eyes."""
    if turn.wait is None or turn.task().say_kind is not SayKind.CARD:
        return False
    return turn.again.card_at is not None and turn.now - turn.again.card_at < CARD_AGAIN


def settle(turn: Turn) -> None:
    """Something else is asked: nothing is owed any more."""
    if turn.again.owed_at is not None:
        turn.again = replace(turn.again, owed_at=None)


def put(turn: Turn) -> None:
    """The open question has just been put again."""
    if turn.wait is not None:
        turn.again = replace(turn.again, ask=turn.wait.ask, said_at=turn.now, owed_at=None)


def is_due(turn: Turn) -> bool:
    """Is it time to answer what she has written in quick succession?"""
    return turn.again.owed_at is not None and turn.again.owed_at <= turn.now
