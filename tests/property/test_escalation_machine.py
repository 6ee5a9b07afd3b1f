"""Calling a human keeps its invariants through every night the machine can think of; and the machine is worth believing.

The mutation gate plants the bugs this machine exists to find, one by one: each must be found, or the machine proves nothing.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from handlers import desk_views, paging, stays
from handlers.desk import Desk
from handlers.model import Case, Escalation, EscalationState, Leaving, Staff
from handlers.rules import holding, leaving, ringing
from handlers.rules.ladder import Transition, wait_s
from tests.property.night import HELD, Evening, Night

NIGHTS = int(os.environ.get("NIGHTS", "60"))  # more of them in a long run
COMMON = {"deadline": None, "suppress_health_check": list(HealthCheck), "database": None, "print_blob": False}


def test_a_night_at_the_hotline() -> None:
    run_state_machine_as_test(Night, settings=settings(max_examples=NIGHTS, stateful_step_count=30, **COMMON))
    print(f"figure: {NIGHTS} nights of up to 30 steps, all invariants after each: nothing overdue, one owner")


def test_an_evening_of_shifts_that_end() -> None:
    evenings = max(1, NIGHTS // 4)
    run_state_machine_as_test(Evening, settings=settings(max_examples=evenings, stateful_step_count=30, **COMMON))


# --- the mutation gate -------------------------------------------------------------------------------------------------


def dedupe_without_epoch(patch: pytest.MonkeyPatch) -> None:
    honest = paging.page

    def page(*given: Any, escalation: Escalation | None = None, **more: Any) -> None:
        honest(*given, escalation=escalation and replace(escalation, epoch=1), **more)

    patch.setattr(paging, "page", page)


def claim_without_epoch_check(patch: pytest.MonkeyPatch) -> None:
    honest = Desk._claim

    def claim(self: Desk, uow: Any, item: Any) -> Any:
        case = uow.cases.by_code(item.case_code)
        found = uow.escalations.open_of([case.uid]).get(case.uid)
        return honest(self, uow, replace(item, epoch=found.epoch) if found else item)

    patch.setattr(Desk, "_claim", claim)


def claim_without_state_check(patch: pytest.MonkeyPatch) -> None:
    honest = Desk._claim

    def claim(self: Desk, uow: Any, item: Any) -> Any:
        case = uow.cases.by_code(item.case_code)
        found = uow.escalations.open_of([case.uid]).get(case.uid)
        if found is not None and found.state in HELD:
            free = {"owner_uid": None, "leaving": Leaving.NO, "left_at": None}
            uow.escalations.save(replace(found, state=EscalationState.RINGING, **free))
        return honest(self, uow, item)

    patch.setattr(Desk, "_claim", claim)


def no_page_cancel(patch: pytest.MonkeyPatch) -> None:
    honest = holding.claimed
    patch.setattr(holding, "claimed", lambda *given, **more: replace(honest(*given, **more), effects=()))


def gives_up_after_round_two(patch: pytest.MonkeyPatch) -> None:
    honest = holding.due

    def due(escalation: Escalation, staffed: Any, now: datetime) -> Transition:
        if escalation.state is EscalationState.RINGING and escalation.round >= 2:
            return holding.ended(escalation, "gave up", now)
        return honest(escalation, staffed, now)

    patch.setattr(holding, "due", due)


def no_clock_clamp(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(holding, "clamped", lambda escalation, now: Transition(escalation))


def empty_rung_waits(patch: pytest.MonkeyPatch) -> None:
    honest = ringing.notice

    def notice(escalation: Escalation, staffed: Any, now: datetime, *, silent: bool = False) -> Transition:
        index = escalation.rung % len(escalation.ladder.rungs)
        if staffed.get(escalation.ladder.rungs[index].who):
            return honest(escalation, staffed, now, silent=silent)
        after = now + timedelta(seconds=wait_s(escalation.ladder, escalation.round, index))
        return Transition(replace(escalation, rung=index + 1, next_due_at=after), (), "escalation.paged")

    patch.setattr(ringing, "notice", notice)
    patch.setattr(holding, "notice", notice)


def reply_without_owner_check(patch: pytest.MonkeyPatch) -> None:
    honest = Desk._mine

    def mine(self: Desk, uow: Any, case: Case, me: Staff, **more: Any) -> Any:
        found = uow.escalations.open_of([case.uid]).get(case.uid)
        return found if found is not None and found.state in HELD else honest(self, uow, case, me, **more)

    patch.setattr(Desk, "_mine", mine)


def her_line_does_not_rearm(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(holding, "owed", lambda escalation, now: Transition(escalation))


def she_may_cancel_anything(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(holding, "may_cancel", lambda escalation, severity: True)


def no_card_in_danger(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(stays.Stays, "_relay_card", lambda self, uow, case: uow.cases.save(replace(case, next_due_at=None)))


def silent_owner_keeps_it(patch: pytest.MonkeyPatch) -> None:
    honest = holding.due

    def due(escalation: Escalation, staffed: Any, now: datetime) -> Transition:
        if escalation.state is EscalationState.CLAIMED and (escalation.next_due_at or now) <= now:
            return Transition(replace(escalation, next_due_at=now + timedelta(hours=1)), (), "escalation.reminded")
        return honest(escalation, staffed, now)

    patch.setattr(holding, "due", due)


def reads_without_agreement(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(desk_views, "may_be_read", lambda case: True)


def release_pages_nobody(patch: pytest.MonkeyPatch) -> None:
    honest = ringing.rerung

    def rerung(*given: Any) -> Transition:
        moved = honest(*given)
        return replace(moved, effects=tuple(one for one in moved.effects if type(one).__name__ != "PageStaff"))

    patch.setattr(ringing, "rerung", rerung)
    patch.setattr(holding, "rerung", rerung)


def shift_drops_who_held_it(patch: pytest.MonkeyPatch) -> None:
    honest = leaving.rerung

    def rerung(*given: Any) -> Transition:
        moved = honest(*given)
        return replace(moved, escalation=replace(moved.escalation, previous_owner_uid=None))

    patch.setattr(leaving, "rerung", rerung)


def absence_starts_the_wait_anew(patch: pytest.MonkeyPatch) -> None:
    honest = leaving._away

    def away(escalation: Escalation, owner: Any, now: datetime) -> Transition:
        moved = honest(escalation, owner, now)
        later = now + timedelta(seconds=escalation.ladder.unanswered_s)
        return replace(moved, escalation=replace(moved.escalation, next_due_at=later)) if moved.action else moved

    patch.setattr(leaving, "_away", away)


def absence_is_overlooked(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(leaving, "_away", lambda escalation, owner, now: Transition(escalation))


def shift_ends_unseen(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(leaving, "_off_duty", lambda escalation, owner, staffed, now: Transition(escalation))


def shift_takes_it_from_who_works(patch: pytest.MonkeyPatch) -> None:
    honest = leaving.over_at
    patch.setattr(leaving, "over_at", lambda escalation, worked_at: honest(escalation, None))


def what_she_took_back_rings_again(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(holding, "_begun", lambda off_duty: Leaving.NO)


BUGS = [
    dedupe_without_epoch,
    claim_without_epoch_check,
    claim_without_state_check,
    no_page_cancel,
    gives_up_after_round_two,
    no_clock_clamp,
    empty_rung_waits,
    reply_without_owner_check,
    her_line_does_not_rearm,
    she_may_cancel_anything,
    no_card_in_danger,
    silent_owner_keeps_it,
    reads_without_agreement,
    release_pages_nobody,
]
BUGS_OF_AN_EVENING = [
    shift_drops_who_held_it,
    absence_starts_the_wait_anew,
    absence_is_overlooked,
    shift_ends_unseen,
    shift_takes_it_from_who_works,
    what_she_took_back_rings_again,
]


@pytest.mark.parametrize("bug", [*BUGS, *BUGS_OF_AN_EVENING], ids=lambda bug: bug.__name__)
def test_every_planted_bug_is_found(bug: Callable[[pytest.MonkeyPatch], None], monkeypatch: pytest.MonkeyPatch) -> None:
    bug(monkeypatch)
    found = settings(max_examples=400, stateful_step_count=30, derandomize=True, phases=[Phase.generate], **COMMON)
    with pytest.raises((AssertionError, ExceptionGroup)):
        run_state_machine_as_test(Evening if bug in BUGS_OF_AN_EVENING else Night, settings=found)
    print("figure: planted bug found: " + bug.__name__)
