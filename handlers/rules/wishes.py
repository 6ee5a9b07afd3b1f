"""Whom she wants to talk with, and what that makes of the people who may be called. Pure.

*Not this one* is strict: perhaps she knows him, perhaps he is the man's cousin. He is called for her no more, whatever happens.
*A woman* comes first and never last: in an emergency everybody is called at once, and where no woman stands on any rung that is
still ahead, the others are called as well. A wish must not leave her alone.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from handlers.model import Escalation, Ladder
from handlers.rules.ladder import EMERGENCY, HELD, Staffed


@dataclass(frozen=True, slots=True)
class Wish:
    """What she has wished for, and who of the staff is a woman."""

    woman: bool = False
    avoid: tuple[str, ...] = ()  # uids
    women: frozenset[str] = frozenset()  # uids


@dataclass(frozen=True, slots=True)
class Standing:
    """How far the call has come: the ladder, its round, and the rung that is called next (or was called last)."""

    ladder: Ladder
    round: int = 0
    rung: int = 0


def ahead(escalation: Escalation | None, ladder: Ladder) -> Standing:
    """Where the next notice stands. Nothing rings, or somebody holds it: the next one would be the first of a new call."""
    if escalation is None or escalation.state in HELD:
        return Standing(escalation.ladder if escalation is not None else ladder)
    return Standing(escalation.ladder, escalation.round, escalation.rung)


def called(escalation: Escalation | None, ladder: Ladder) -> Standing:
    """Where the newest notice stands: those it has called may answer it."""
    next_one = ahead(escalation, ladder)
    return Standing(next_one.ladder, next_one.round, max(0, next_one.rung - 1))


def women_first(staffed: Staffed, wish: Wish, standing: Standing) -> bool:
    """Are only women called now?"""
    if not wish.woman or standing.ladder.name == EMERGENCY.name or standing.round:
        return False
    return any(_women(staffed, rung.who, wish) for rung in standing.ladder.rungs[standing.rung :])


def narrowed(staffed: Staffed, wish: Wish, standing: Standing) -> dict[str, tuple[str, ...]]:
    """Who may be called for her, by rung."""
    if women_first(staffed, wish, standing):
        return {who: _women(staffed, who, wish) for who in staffed}
    return {who: _others(uids, wish.avoid) for who, uids in staffed.items()}


def fits(staff_uid: str, staffed: Staffed, wish: Wish, standing: Standing) -> bool:
    """May this staff member take her case as things stand?"""
    if staff_uid in wish.avoid:
        return False
    return staff_uid in wish.women or not women_first(staffed, wish, standing)


def _women(staffed: Staffed, who: str, wish: Wish) -> tuple[str, ...]:
    return tuple(uid for uid in _others(staffed.get(who, ()), wish.avoid) if uid in wish.women)


def _others(uids: Collection[str], avoid: Collection[str]) -> tuple[str, ...]:
    return tuple(uid for uid in uids if uid not in avoid)
