"""How long each kind of record is kept: one table. A configuration may change days, within bounds that keep every promise.

A new kind of record (recorded sounds, pictures) is one entry here and one rule in `storage/keeping.py`. Facts have no entry: they
hold nothing about anybody, and are what remains.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Final


@dataclass(frozen=True, slots=True)
class Policy:
    """One kind of record. `days` after `since` it goes; a configuration may say `least` to `most`, and `why` says why."""

    kind: str
    what: str
    since: str
    days: int
    least: int
    most: int
    why: str

    @property
    def kept_for(self) -> timedelta:
        """The same as a span of time."""
        return timedelta(days=self.days)


CONTACTS: Final = "contacts"
TALKS: Final = "talks"
CASES: Final = "cases"
AUDIT: Final = "audit"

POLICIES: Final = (
    Policy(
        CONTACTS,
        "who wrote (address, session, return code) and everything of hers",
        "her last message",
        30,
        7,
        30,
        "she is promised that it is destroyed 30 days after her last message; sooner than a week nobody could come back",
    ),
    Policy(
        TALKS,
        "talks (lines, notes, summary, referrals) of somebody who goes on writing",
        "the case was closed",
        30,
        1,
        90,
        "a closed talk helps nobody for longer than a season",
    ),
    Policy(
        CASES,
        "what is left of a destroyed case (code, severity, category, month, how it ended)",
        "it was destroyed",
        365,
        30,
        1095,
        "so that staff and reports can be compared for a year",
    ),
    Policy(
        "message_ids",
        "numbers of messages that were handled, without content",
        "it came in",
        30,
        7,
        90,
        "platforms bring a message again for up to a day; a week of them must be recognised",
    ),
    Policy(
        "sent",
        "what became of lines and pages that were sent, without content",
        "it was sent or given up",
        30,
        7,
        90,
        "so that a counsellor sees for a while whether her line arrived",
    ),
    Policy(
        "handles",
        "numbers platforms gave to what they show for us, so that it can be taken away",
        "it was shown",
        125,
        125,
        180,
        "what a staff group shows of a case must be found when the case goes, after 120 days at most",
    ),
    Policy(
        "sign_ins",
        "sign-ins of staff, whole and half, and codes read out to them",
        "it began",
        1,
        1,
        7,
        "a sign-in ends after 12 hours anyway",
    ),
    Policy("failures", "failed sign-ins and codes", "it happened", 1, 1, 30, "they only slow down who tries on and on"),
    Policy(
        "key_marks",
        "marks that a key was destroyed",
        "it was destroyed",
        30,
        30,
        90,
        "a restored backup of that time must lose the key again; keep them as long as your oldest backup",
    ),
    Policy(AUDIT, "the audit log", "it was written", 365, 365, 1825, "who did what must be answerable for a year"),
    Policy("runs", "records of these very runs", "it began", 400, 90, 1825, "so that a year of runs can be shown"),
)


class UnknownKind(ValueError):
    """There is no such kind of record."""


def policies_of(days: Mapping[str, int]) -> tuple[Policy, ...]:
    """The table with these days in place of its own; ValueError, in words, for an unknown kind or days out of bounds."""
    known = {policy.kind: policy for policy in POLICIES}
    for kind, wanted in days.items():
        if kind not in known:
            raise UnknownKind(f"{kind}: there is no such kind; there are {', '.join(known)}")
        policy = known[kind]
        if not policy.least <= wanted <= policy.most:
            raise ValueError(f"{kind}: write {policy.least} to {policy.most} days ({policy.why})")
        known[kind] = replace(policy, days=wanted)
    return tuple(known.values())


def days_of(policies: tuple[Policy, ...], kind: str) -> int:
    """For how many days this kind is kept."""
    return next(policy.days for policy in policies if policy.kind == kind)
