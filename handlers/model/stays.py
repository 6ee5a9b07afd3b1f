"""Who writes, her stay with us, and what was said in it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from flows.effects import Button, LateAnswer, Value
from flows.severity import Severity


@dataclass(frozen=True, slots=True, kw_only=True)
class Reminder:
    """What she asked to be written once, see `handlers.reminders` (sealed in the contact's row)."""

    text: str = field(repr=False)
    purpose: str  # the consent it leans on
    case_uid: str  # the stay in which she asked
    audio: str = ""
    language: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Contact:
    """One seeker on one channel: pseudonymous, and the lane in which her messages are handled one at a time."""

    uid: str
    channel: str
    session: dict[str, Value] | None = field(default=None, repr=False)  # flows.session.Session.dump(), sealed
    content_version: str = ""  # the flow set the session began with
    session_due_at: datetime | None = None  # silence timer of the flow
    pending: int = 0  # inbox rows in state new
    next_run_at: datetime | None = None  # lane backs off until then; None: at once
    last_served_at: datetime | None = None
    last_inbound_at: datetime | None = None
    stay_started_at: datetime | None = None  # since when this stay lasts: what the web page may show
    quiet: bool = False  # she said stop: nothing goes out until she writes again
    confirmed: bool = True  # False after a gap: not known whether the same person writes
    late_answer: LateAnswer = LateAnswer.ONLY_NOW
    late_until_at: datetime | None = None
    inbound_day: str = ""  # YYYY-MM-DD, for the flood count
    inbound_count: int = 0
    blocked_at: datetime | None = None  # the platform refuses to deliver
    window_told_at: datetime | None = None  # she was told that this channel's reply window shuts
    hidden_at: datetime | None = None  # erased by her: hidden at once
    erase_at: datetime | None = None  # keys destroyed then
    reminder: Reminder | None = field(default=None, repr=False)  # sealed
    reminder_due_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """What the counsellor sees on claim (sealed under the case key)."""

    signs: tuple[tuple[str, str], ...] = ()  # (sign, words) of screening, newest last, at most 20
    why: tuple[str, ...] = ()  # choices that raised it, "flow.step:choice"
    answers: dict[str, str] = field(default_factory=dict)  # label -> shown value
    commune: str = ""  # code of the post-2025 commune where she is
    commune_unasked: bool = False  # only read from her words, see `handlers.whereabouts`: nobody has asked her back
    places: tuple[str, ...] = ()  # communes that her words or a shared location may mean beside it, newest first
    age_band: str = ""
    about: str = ""  # me, other, child
    woman: bool = False  # she wants to talk with a woman
    avoid: tuple[str, ...] = ()  # uids of staff she does not want to talk with
    urgent_in_a_row: int = 0  # urgent messages since the last calm one, see `rules.standing`


class Disposition(StrEnum):
    """How a case ended."""

    HELPED = "helped"  # talked with a person, need met for now
    INFORMED = "informed"  # got information only
    REFERRED = "referred"  # sent on to a service
    DECLINED = "declined"  # did not want help
    LOST = "lost"  # silent, contact lost
    FALSE_ALARM = "false_alarm"  # a human judged: no need
    PRANK = "prank"
    BOT_ONLY = "bot_only"  # untouched for 24 h, no human asked
    CANCELLED = "cancelled"  # she took back what she had asked for
    ERASED = "erased"


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One stay of a contact with us, opened at the first inbound, with its own key and a code for staff."""

    uid: str
    contact_uid: str
    code: str  # the case code staff use, like "K7-204"
    opened_at: datetime
    channel: str
    desk: str = "main"
    severity: Severity = Severity.NONE  # rises by machine, falls only by a human
    category: str = ""
    summary: Summary = field(default_factory=Summary, repr=False)
    next_seq: int = 1  # the next transcript line
    listed_at: datetime | None = None  # visible at the desk since (standard up, or a person asked for)
    asked_at: datetime | None = None  # she asked for a person herself
    agreed_at: datetime | None = None  # she agreed that a person reads (or severity emergency, or a dead letter)
    retracted_at: datetime | None = None  # she took it back, stopped or deleted at urgent or above
    danger_at: datetime | None = None  # danger sign during a human talk, not yet answered: banner
    last_inbound_at: datetime | None = None
    last_human_at: datetime | None = None  # last line of a counsellor
    human: bool = False  # a human talks with her: the bot is silent
    next_due_at: datetime | None = None  # close as bot_only, remind the desk, send the relay card
    practice: bool = False
    closed_at: datetime | None = None
    disposition: Disposition | None = None


class Direction(StrEnum):
    """Which way a transcript line went."""

    IN = "in"
    OUT = "out"
    NOTE = "note"  # staff only


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line of a case's transcript (sealed under the case key)."""

    uid: str
    case_uid: str
    seq: int  # 1..n without gaps
    direction: Direction
    author: str  # "seeker", "bot" or a staff uid
    text: str = field(repr=False)
    buttons: tuple[Button, ...] = field(default=(), repr=False)
    wants_location: bool = False  # the question takes a shared location
    audio: str = ""  # SHA-256 (hex) of the recording that reads it out
    language: str = ""  # of the text; "" for the language of the content set
    inbox_uid: str | None = None
    client_key: str | None = None  # made by the desk page: a repeated post adds nothing
    created_at: datetime
