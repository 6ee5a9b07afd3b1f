"""The one-time page of a referral: a counsellor hands it to a service, which opens it once and says how it stands.

The address holds 130 random bits, and a code of six digits is told by another way, so that an address that went astray opens
nothing. What was agreed is shown a single time; answers are taken on the same page until the referral is over. Only hashes
of address and code are kept. Every failure looks the same.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from handlers import audit
from handlers.errors import BinhAnError
from handlers.model import AuditEntry, Case
from handlers.operation import operation
from handlers.ports import UnitOfWork
from handlers.referral import (
    ANSWERS_HOLD,
    LINK_HOLDS,
    PIN_TRIES,
    SERVICE_NEXT,
    Item,
    Referral,
    ReferralLink,
    ReferralStatus,
)
from handlers.referrals import WrongStatus, change
from handlers.referring import Referring
from handlers.voice import Voice

SERVICE = "service"
"""Actor of the audit rows that the page writes."""
_TOKEN_BYTES = 16
_SENT = (ReferralStatus.SENT, ReferralStatus.ACCEPTED)


class NoSuchPage(BinhAnError):
    """This page does not exist, has ended, or the code is wrong."""

    code = "no-such-page"


@dataclass(frozen=True, slots=True, kw_only=True)
class MakeLink:
    """A counsellor wants a page for this referral; an older one ends."""

    staff_uid: str
    case_code: str
    referral_uid: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NewLink:
    """What is shown to the counsellor once: the secret part of the address, and the code to say by phone."""

    token: str = field(repr=False)
    pin: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenLink:
    """Somebody typed the code on the page."""

    token: str = field(repr=False)
    pin: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerLink:
    """The service says how it stands."""

    token: str = field(repr=False)
    pin: str = field(repr=False)
    status: ReferralStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class HandedOver:
    """What the page shows: the agreed items the first time, then only how it stands and what may be said next."""

    status: ReferralStatus
    need: str
    details: Mapping[Item, str] = field(default_factory=dict, repr=False)
    first: bool = False
    answers: tuple[ReferralStatus, ...] = ()


@dataclass(frozen=True, slots=True)
class Handoff:
    """The commands of the page and of the counsellor who makes it; each is an operation for `Door.run`."""

    referring: Referring
    voice: Voice

    @operation("referral_link")
    def make(self, uow: UnitOfWork, items: Sequence[MakeLink]) -> list[NewLink]:
        """A new page for a referral that was sent. NotYours, NoSuchReferral, WrongStatus."""
        return [self._make(uow, item) for item in items]

    def _make(self, uow: UnitOfWork, item: MakeLink) -> NewLink:
        me, case, referral = self.referring.mine(uow, item.staff_uid, item.case_code, item.referral_uid)
        if referral.status not in _SENT:
            raise WrongStatus(referral.status.value)
        uow.referrals.end_links(referral.uid)
        token = base64.b32encode(secrets.token_bytes(_TOKEN_BYTES)).decode().rstrip("=").lower()
        pin = f"{secrets.randbelow(1_000_000):06d}"
        uow.referrals.add_link(
            ReferralLink(
                token_hash=_token_hash(token), pin_hash=_pin_hash(token, pin), referral_uid=referral.uid,
                case_uid=case.uid, created_at=uow.now,
            )
        )  # fmt: skip
        _note(uow, case, me.uid, audit.REFERRAL_LINK, referral)
        return NewLink(token=token, pin=pin)

    @operation("referral_open")
    def open(self, uow: UnitOfWork, items: Sequence[OpenLink]) -> list[HandedOver | None]:
        """What was agreed, shown once; later only how it stands. None for everything that cannot be opened.

        None instead of an error, so that a wrong code is counted in the same commit.
        """
        return [self._open(uow, item) for item in items]

    def _open(self, uow: UnitOfWork, item: OpenLink) -> HandedOver | None:
        link = self._link(uow, item.token, item.pin)
        found = self._referral(uow, link) if link is not None else None
        if link is None or found is None:
            return None
        case, referral = found
        first = link.opened_at is None
        if first:
            uow.referrals.save_link(replace(link, opened_at=uow.now))
            _note(uow, case, SERVICE, audit.REFERRAL_OPENED, referral)
            uow.ring("desk")
        details = {Item(name): text for name, text in referral.details.items()} if first else {}
        return _shown(referral, details, first=first)

    @operation("referral_answer")
    def answer(self, uow: UnitOfWork, items: Sequence[AnswerLink]) -> list[HandedOver | None]:
        """The service's word: taken only on a page that was opened, and only where it can follow. None otherwise."""
        return [self._answer(uow, item) for item in items]

    def _answer(self, uow: UnitOfWork, item: AnswerLink) -> HandedOver | None:
        link = self._link(uow, item.token, item.pin)
        found = self._referral(uow, link) if link is not None and link.opened_at is not None else None
        if found is None:
            return None
        case, referral = found
        if item.status not in SERVICE_NEXT.get(referral.status, ()):
            return _shown(referral, {}, first=False)
        return _shown(change(uow, self.voice, case, referral, item.status, SERVICE), {}, first=False)

    def _link(self, uow: UnitOfWork, token: str, pin: str) -> ReferralLink | None:
        """The page, when it is open and the code is right; a wrong code is counted, and the last one closes the page."""
        link = uow.referrals.link(_token_hash(token)) if 20 <= len(token) <= 40 else None
        if link is None or link.ended_at is not None:
            return None
        holds = LINK_HOLDS if link.opened_at is None else ANSWERS_HOLD
        if uow.now - link.created_at > holds:
            uow.referrals.save_link(replace(link, ended_at=uow.now))
            return None
        if hmac.compare_digest(link.pin_hash, _pin_hash(token, "".join(pin.split()))):
            return link
        tried = replace(link, tries=link.tries + 1)
        if tried.tries >= PIN_TRIES:
            tried = replace(tried, ended_at=uow.now)
            case = _case(uow, link.case_uid)
            referral = uow.referrals.get(link.referral_uid)
            if case is not None and referral is not None:
                _note(uow, case, SERVICE, audit.REFERRAL_LOCKED, referral)
            uow.ring("desk")
        uow.referrals.save_link(tried)
        return None

    def _referral(self, uow: UnitOfWork, link: ReferralLink) -> tuple[Case, Referral] | None:
        case, referral = _case(uow, link.case_uid), uow.referrals.get(link.referral_uid)
        if case is None or referral is None or referral.status not in _SENT:
            return None
        return case, referral


def _shown(referral: Referral, details: Mapping[Item, str], *, first: bool) -> HandedOver:
    answers = tuple(status for status in ReferralStatus if status in SERVICE_NEXT.get(referral.status, ()))
    return HandedOver(status=referral.status, need=referral.need, details=details, first=first, answers=answers)


def _case(uow: UnitOfWork, uid: str) -> Case | None:
    try:
        return uow.cases.get(uid)
    except KeyError:
        return None


def _token_hash(token: str) -> bytes:
    return hashlib.sha256(b"referral page\n" + token.encode()).digest()


def _pin_hash(token: str, pin: str) -> bytes:
    """Bound to the address, which is not stored: whoever reads the database cannot try the million codes."""
    return hashlib.sha256(b"referral code\n" + token.encode() + b"\n" + pin.encode()).digest()


def _note(uow: UnitOfWork, case: Case, actor: str, action: str, referral: Referral) -> None:
    uow.audit.add(AuditEntry(actor=actor, action=action, object=case.code, detail={"referral": referral.uid}))
