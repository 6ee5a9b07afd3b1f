"""Looks at the service from outside: is anything later than it may be, does everybody still work? Counts and ages only.

Every question is about open rows alone, so that a watcher stays quick however much is stored (`docs/running.md` says what to do).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from handlers import alarms
from handlers.alarms import NOBODY_PAGED
from handlers.operation import operation
from handlers.ports import Backlog, UnitOfWork

PARTS: Final = ("lanes", "timers", "sender")
"""The loops without which nobody is helped. Each gives a sign of life while it works."""

BEAT_EVERY: Final = timedelta(seconds=5)
KEEPING_LATE_AFTER: Final = timedelta(hours=26)
"""Once a day what is due is removed; two hours later it is late."""
NO_BEAT_FOR: Final = timedelta(seconds=15)
KEYS_COPIED: Final = "keys.copied_at"
NO_COPY_FOR: Final = timedelta(minutes=15)
AUDIT_CHANGED: Final = "audit-changed"
AUDIT_BROKEN: Final = "audit.broken_at"
"""Since when the audit log is known not to hold; empty while it does."""

REFUSED_WITHIN: Final = timedelta(minutes=10)
"""A right return code that was refused within this time is a finding: a flood of wrong ones keeps people out."""


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that must not be: what, how often, how old the oldest is."""

    code: str
    count: int
    oldest_s: int


@dataclass(frozen=True, slots=True)
class Question:
    """One thing that is looked at: everything older than `limit` is a finding."""

    code: str
    limit: timedelta
    ask: Callable[[UnitOfWork, datetime], Backlog]


QUESTIONS: Final = (
    Question("escalation-overdue", timedelta(seconds=30), lambda uow, at: uow.watch.overdue_escalations(at)),
    Question("nobody-paged", timedelta(seconds=60), lambda uow, at: uow.watch.unpaged(at)),
    Question("message-unhandled", timedelta(seconds=30), lambda uow, at: uow.watch.unhandled(at)),
    Question("line-unsent", timedelta(seconds=60), lambda uow, at: uow.watch.unsent(at)),
    Question("sender-stuck", timedelta(seconds=60), lambda uow, at: uow.watch.forsaken(at)),
    Question("case-overdue", timedelta(seconds=120), lambda uow, at: uow.watch.overdue_cases(at)),
    Question("keeping-late", KEEPING_LATE_AFTER, lambda uow, at: uow.watch.unkept(at)),
    Question("codes-refused", timedelta(0), lambda uow, at: uow.watch.refused_codes(at - REFUSED_WITHIN)),
)


def findings(uow: UnitOfWork, beats: Iterable[str] = ()) -> list[Finding]:
    """Everything that is wrong now, alarms of channels included; for `Door.read`. `beats`: the parts whose sign of life is in
    the database.
    """
    found = []
    for question in QUESTIONS:
        backlog = question.ask(uow, uow.now - question.limit)
        if backlog.count and backlog.oldest_at is not None:
            age = uow.now - backlog.oldest_at
            found.append(Finding(question.code, backlog.count, round(age.total_seconds())))
    for code, since in sorted((one.code, one.since_at) for one in alarms.ringing(uow) if one.code != NOBODY_PAGED):
        found.append(Finding(f"channel-{code}", 1, round((uow.now - since).total_seconds())))
    for part in beats:
        silent = silent_for(uow, part)
        if silent is None or silent > NO_BEAT_FOR:
            found.append(Finding(f"no-{part}", 1, round(silent.total_seconds()) if silent else 0))
    copied = uow.get_setting(KEYS_COPIED)
    if copied and (ago := uow.now - datetime.fromisoformat(copied)) > NO_COPY_FOR:
        found.append(Finding("keys-not-copied", 1, round(ago.total_seconds())))
    broken = uow.get_setting(AUDIT_BROKEN)
    if broken:
        since = datetime.fromisoformat(broken)
        found.append(Finding(AUDIT_CHANGED, 1, round((uow.now - since).total_seconds())))
    return found


@operation("writer")
def keys_copied(uow: UnitOfWork, looks: Sequence[None]) -> list[None]:
    """The second place of the keys has just been brought up to date."""
    uow.set_setting(KEYS_COPIED, uow.now.isoformat())
    return list(looks)


@operation("writer")
def nobody_copies_keys(uow: UnitOfWork, looks: Sequence[None]) -> list[None]:
    """There is no second place of the keys (any more): nothing to wait for."""
    if uow.get_setting(KEYS_COPIED):
        uow.set_setting(KEYS_COPIED, "")
    return list(looks)


@operation("writer")
def audit_looked_at(uow: UnitOfWork, looks: Sequence[bool]) -> list[None]:
    """The audit log has just been checked; True: it holds."""
    for holds in looks:
        before = uow.get_setting(AUDIT_BROKEN) or ""
        if holds == bool(before):
            uow.set_setting(AUDIT_BROKEN, "" if holds else uow.now.isoformat())
    return [None for _ in looks]


def silent_for(uow: UnitOfWork, part: str) -> timedelta | None:
    """How long nobody has shown a sign of life of this part; None: nobody ever has."""
    said = uow.get_setting(f"beat.{part}")
    return None if said is None else uow.now - datetime.fromisoformat(said)


@operation("writer")
def beat(uow: UnitOfWork, wanted: Sequence[frozenset[str]]) -> list[None]:
    """These parts work: for those who look from another process."""
    for part in sorted({part for parts in wanted for part in parts}):
        uow.set_setting(f"beat.{part}", uow.now.isoformat())
    return [None for _ in wanted]
