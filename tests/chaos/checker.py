"""Counts, in the stopped program's database and on the phones, what was lost, doubled, out of order, or sent to somebody else."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from itertools import groupby, pairwise, takewhile
from math import inf

from handlers.model import Address, DeskLine, Direction
from storage.open import open_storage
from tests.chaos.harness import CHANNEL, Load, Program
from tests.fakes.telegram import Sent


@dataclass
class Count:
    """What the checker found. All lists must be empty."""

    lost: list[str] = field(default_factory=list)  # written by a seeker, not in the transcript
    doubled: list[str] = field(default_factory=list)  # written once, in the transcript twice
    disordered: list[str] = field(default_factory=list)
    gaps: list[str] = field(default_factory=list)  # a case whose lines are not 1..n
    crossed: list[str] = field(default_factory=list)  # somebody else's
    unsent: list[str] = field(default_factory=list)  # said to have been sent, not on the phone
    unexcused: list[str] = field(default_factory=list)  # on the phone again, without a kill or a lost answer between
    unanswered: list[int] = field(default_factory=list)
    uncalled: list[str] = field(default_factory=list)  # in danger, and nobody is called (or twice)
    left: list[str] = field(default_factory=list)  # rows that are not finished
    surplus: int = 0  # messages that a phone shows once too often, each excused
    lines: int = 0

    def wrong(self) -> dict[str, list[str]]:
        """The lists that are not empty."""
        return {name: value for name, value in vars(self).items() if isinstance(value, list) and value}

    def __str__(self) -> str:
        """The figures in one line, for the end of a run."""
        counted = ", ".join(f"{len(value)} {name}" for name, value in vars(self).items() if isinstance(value, list))
        return f"{self.lines} lines: {counted}; {self.surplus} shown again, each with an excuse"


async def check(program: Program, load: Load) -> Count:
    """Read everything and count."""
    count = Count()
    storage = open_storage(program.url, program.var, keys_url=program.keys)
    try:
        for chat, texts in load.written.items():
            lines = await storage.door.read(lambda uow, chat=chat: _lines_of(uow, chat, count))
            count.lines += len(lines)
            _count_received(count, chat, texts, lines)
            _count_sent(count, chat, lines, program.fake.of(chat), program.fake.life)
        broken = await storage.door.read(lambda uow: uow.audit.verify())
        count.gaps += [f"audit row {broken}"] if broken is not None else []
    finally:
        await storage.close()
    _count_rows(count, program, load)
    return count


async def pages_took(program: Program, load: Load, first_at: dict[str, float]) -> list[float]:
    """For everybody in danger: seconds from her first such message to the first call that somebody outside has, sorted; infinite
    where nobody was called. `first_at`: when each case code was first called for, monotonic.
    """
    storage = open_storage(program.url, program.var, keys_url=program.keys)
    try:
        took = []
        for chat, since in load.in_danger.items():
            codes = await storage.door.read(lambda uow, chat=chat: _codes_of(uow, chat))
            took.append(min((first_at[code] for code in codes if code in first_at), default=inf) - since)
        return sorted(took)
    finally:
        await storage.close()


def _codes_of(uow, chat: int) -> list[str]:  # type: ignore[no-untyped-def]
    contact = uow.contacts.find(Address(CHANNEL, str(chat)))
    return [case.code for case in uow.cases.all_of(contact.uid)] if contact is not None else []


def _lines_of(uow, chat: int, count: Count) -> list[DeskLine]:  # type: ignore[no-untyped-def]
    contact = uow.contacts.find(Address(CHANNEL, str(chat)))
    lines: list[DeskLine] = []
    for case in uow.cases.all_of(contact.uid) if contact is not None else []:
        found = uow.lines.of_case(case.uid, limit=1_000_000)
        if [line.seq for line in found] != list(range(1, len(found) + 1)):
            count.gaps.append(f"case {case.code}")
        lines += found
    return lines


def _count_received(count: Count, chat: int, texts: list[str], lines: list[DeskLine]) -> None:
    came = [line.text for line in lines if line.direction is Direction.IN]
    times = Counter(came)
    count.lost += [text for text in texts if times[text] == 0]
    count.doubled += [text for text in texts if times[text] > 1]
    count.crossed += [text for text in came if text not in texts]
    first_times = list(dict.fromkeys(came))
    if first_times != [text for text in texts if times[text]]:
        count.disordered.append(f"from {chat}")


def _count_sent(count: Count, chat: int, lines: list[DeskLine], phone: list[Sent], last_life: int) -> None:
    """The phone shows our lines in their order; again only directly after itself, and only with an excuse. What counts as
    unsent (a cancelled "we are still looking", when there is news) may stand there with one: nobody was told that it came.
    """
    ours = [line for line in lines if line.direction is Direction.OUT]
    known = {line.text.strip() for line in ours}
    count.crossed += [f"to {chat}: {message.text[:30]}" for message in phone if message.text not in known]
    matched, left = _matched(ours, phone)
    missing = Counter(line.text.strip() for line in ours if line.delivery == "sent") - Counter(
        one.text for one in phone
    )
    if left and not missing:
        count.disordered.append(f"to {chat}: {left}")
    if left:
        count.unsent += [f"to {chat}: {text[:30]}" for text in missing]
        return
    for text, wanted, run in matched:
        surplus = len(run) - wanted
        excuses = sum(before.answer_lost or before.life != after.life for before, after in pairwise(run))
        excuses += not wanted and (run[-1].answer_lost or run[-1].life != last_life)
        if surplus < 0:
            count.unsent.append(f"to {chat}: {text[:30]}")
        elif surplus > excuses:
            shown_at = ", ".join(f"life {one.life} at {one.at:.1f} s" for one in run)
            count.unexcused.append(f"to {chat}: {text[:30]} ({shown_at})")
        else:
            count.surplus += surplus
    if not phone:
        count.unanswered.append(chat)


def _matched(ours: list[DeskLine], phone: list[Sent]) -> tuple[list[tuple[str, int, list[Sent]]], str]:
    """Texts in their order, how often each was to be sent, and what of it the phone shows; and where the two part, or ""."""
    matched: list[tuple[str, int, list[Sent]]] = []
    at = 0
    for text, lines in groupby(ours, key=lambda line: line.text.strip()):
        wanted = sum(line.delivery == "sent" for line in lines)
        if matched and matched[-1][0] == text:  # what stood between was cancelled, and not shown
            matched[-1] = (text, matched[-1][1] + wanted, matched[-1][2])
            continue
        run = list(takewhile(lambda one, text=text: one.text == text, phone[at:]))  # type: ignore[misc]
        at += len(run)
        if run:
            matched.append((text, wanted, run))
        elif wanted:
            shown = phone[at].text[:30] if at < len(phone) else "nothing"
            return matched, f"{text[:30]} was to come after {at} messages, shown is {shown}"
    return matched, f"{phone[at].text[:30]} is shown after {at} messages" if at < len(phone) else ""


def _count_rows(count: Count, program: Program, load: Load) -> None:
    """What only the tables show: nothing half done, one call for everybody in danger, no page twice."""
    count.left += [f"inbox {state}" for (state,) in program.select("SELECT state FROM inbox WHERE state <> 'done'")]
    count.left += [  # who still waits may be told so at any moment, the last one before the stop too: that line goes out later
        f"outbox {kind} {state}"
        for kind, state in program.select(
            "SELECT kind, state FROM outbox WHERE contact_uid IS NOT NULL AND state NOT IN ('sent', 'cancelled')"
            " AND NOT (kind = 'waiting' AND state = 'pending')"
        )
    ]
    calls = program.select(
        "SELECT c.code, count(e.uid) FROM cases c LEFT JOIN escalations e ON e.case_uid = c.uid"
        " AND e.ended_at IS NULL AND e.next_due_at IS NOT NULL WHERE c.severity = 'emergency' GROUP BY c.code"
    )
    count.uncalled += [code for code, ladders in calls if ladders != 1]
    if len(calls) != len(load.in_danger):
        count.uncalled.append(f"{len(calls)} emergencies, {len(load.in_danger)} people in danger")
