"""A referral: a case's way to a service, what she agreed may be told there, and what became of it. Frozen values and rules.

What is told to the service is sealed under the case's key; its row holds ids, enums and times only, and goes with the case.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import Final

LINK_HOLDS: Final = timedelta(days=7)
"""How long a one-time page waits to be opened; answers are taken until the referral is over."""
ANSWERS_HOLD: Final = timedelta(days=60)
PIN_TRIES: Final = 5
"""After so many wrong codes the page is closed for good: the counsellor makes a new one."""
MAX_DETAIL_CHARS: Final = 2_000


class Item(StrEnum):
    """One thing that may be told to a service; she agrees to each by itself."""

    NAME = "name"
    PHONE = "phone"
    CONTACT = "contact"  # how and when it is safe to reach her
    COMMUNE = "commune"
    AGE = "age"
    NEED = "need"  # what she needs from them
    SITUATION = "situation"  # what happened, in the words agreed with her
    CHILDREN = "children"  # who comes with her
    HEALTH = "health"  # injuries, pregnancy, disability
    LANGUAGE = "language"


class ReferralStatus(StrEnum):
    """Where a referral stands."""

    ASKED = "asked"  # a counsellor has asked her; no answer yet
    WANTED = "wanted"  # she agreed; no service has been told yet
    SENT = "sent"
    ACCEPTED = "accepted"
    REFUSED = "refused"
    FULL = "full"
    SERVED = "served"
    LOST = "lost"  # she did not arrive, or contact is lost
    DECLINED = "declined"  # she said no, or took it back: nothing more goes out, what was to be told is destroyed


class Tell(StrEnum):
    """What she wants to hear of it."""

    EVERY = "every"  # every change
    ACCEPTED = "accepted"  # only that they take her
    NOTHING = "nothing"


class SetBy(StrEnum):
    """Who says how it stands."""

    COUNSELLOR = "counsellor"
    SERVICE = "service"  # on the one-time page


_S = ReferralStatus
NEXT: Final[Mapping[ReferralStatus, frozenset[ReferralStatus]]] = MappingProxyType(
    {
        _S.ASKED: frozenset({_S.SENT, _S.DECLINED}),
        _S.WANTED: frozenset({_S.SENT, _S.DECLINED}),
        _S.SENT: frozenset({_S.ACCEPTED, _S.REFUSED, _S.FULL, _S.SERVED, _S.LOST, _S.DECLINED}),
        _S.ACCEPTED: frozenset({_S.SERVED, _S.REFUSED, _S.FULL, _S.LOST, _S.DECLINED}),
        _S.REFUSED: frozenset({_S.ACCEPTED}),
        _S.FULL: frozenset({_S.ACCEPTED}),
        _S.SERVED: frozenset(),
        _S.LOST: frozenset({_S.ACCEPTED, _S.SERVED}),
        _S.DECLINED: frozenset(),
    }
)
"""What a counsellor may set after what: a place that refused may have changed its mind, somebody lost may turn up."""

SERVICE_NEXT: Final[Mapping[ReferralStatus, frozenset[ReferralStatus]]] = MappingProxyType(
    {
        _S.SENT: frozenset({_S.ACCEPTED, _S.REFUSED, _S.FULL}),
        _S.ACCEPTED: frozenset({_S.SERVED, _S.LOST}),
    }
)
"""What the service itself may say on its page."""

OVER: Final = frozenset({_S.REFUSED, _S.FULL, _S.SERVED, _S.LOST, _S.DECLINED})
"""States after which the service's page says nothing more and takes no answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Consent:
    """What she agreed to: for whom, which items, and the text she was asked by, so that it can be shown later."""

    items: tuple[Item, ...]
    step: str  # "flow.step", or "desk" for a counsellor's own question
    text: str  # 12 characters of the SHA-256 of that text
    given_at: datetime
    line_seq: int | None = None  # the transcript line she said yes with, as the counsellor points it out


@dataclass(frozen=True, slots=True, kw_only=True)
class Referral:
    """One way to one service. `details` (item -> words for the service) is sealed and only in memory here."""

    uid: str
    case_uid: str
    status: ReferralStatus
    need: str = ""  # what she needs, of service.NEEDS
    kind: str = ""  # or what kind of place, of service.KINDS
    service_id: str = ""  # "" until a counsellor has chosen one
    items: tuple[Item, ...] = ()  # asked for while ASKED, agreed to afterwards
    consent_step: str = ""
    consent_text: str = ""
    consent_line: int | None = None
    consented_at: datetime | None = None
    tell: Tell = Tell.EVERY
    made_by: str = ""  # a staff uid, or "seeker" when the flow asked for it
    created_at: datetime
    changed_at: datetime
    sent_at: datetime | None = None
    details: Mapping[str, str] = field(default_factory=dict, repr=False)

    @property
    def over(self) -> bool:
        """Nothing more is expected of the service."""
        return self.status in OVER


@dataclass(frozen=True, slots=True, kw_only=True)
class ReferralLink:
    """The one-time page of a referral. Only hashes of its address and of its code are kept."""

    token_hash: bytes = field(repr=False)
    pin_hash: bytes = field(repr=False)
    referral_uid: str
    case_uid: str
    created_at: datetime
    opened_at: datetime | None = None  # the details were shown then, once
    tries: int = 0
    ended_at: datetime | None = None


def tells(tell: Tell, status: ReferralStatus) -> bool:
    """Whether she is told that a referral has come to stand like this."""
    if tell is Tell.NOTHING or status in (_S.ASKED, _S.WANTED, _S.DECLINED):
        return False
    return tell is Tell.EVERY or status is _S.ACCEPTED
