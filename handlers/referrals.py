"""Sending somebody on to a service, with her consent to each item of data: what flows call, and what all share.

A flow calls `ask_for` (she agreed to be referred) and `take_back` (she does not want it any more). The desk's commands stand in
`referring.py`, the service's one-time page in `handoff.py`.

Nothing is told to a service without a consent on record: the items she agreed to, the text she was asked, the moment. What is
told is sealed under the case's key; it is destroyed when she takes her consent back, and goes with the case.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import replace

from flows.effects import Value
from handlers import audit
from handlers.calling import open_of
from handlers.errors import BinhAnError
from handlers.model import AuditEntry, Case, OutboxKind, new_uid
from handlers.outgoing import to_seeker
from handlers.ports import UnitOfWork
from handlers.referral import NEXT, Consent, Referral, ReferralStatus, Tell, tells
from handlers.service import Service
from handlers.stays import case_due_at, contact_of
from handlers.voice import Voice, language_of

TEXT_DIGITS = 12  # of the SHA-256 of a consent's text, as in `flows.effects.ConsentGiven`


class NoSuchReferral(BinhAnError):
    """There is no such referral in this case."""

    code = "no-such-referral"


class NoConsent(BinhAnError):
    """She has not agreed to this yet; ask her first, and write down only what she agreed to."""

    code = "no-consent"


class WrongStatus(BinhAnError):
    """A referral cannot come to stand like this from where it stands; look at it again."""

    code = "wrong-status"


class NoService(BinhAnError):
    """Choose a service of the directory that works."""

    code = "no-service"


# --- for flows -------------------------------------------------------------------------------------------------------------


def ask_for(
    uow: UnitOfWork,
    case: Case,
    *,
    consent: Consent,
    need: str = "",
    kind: str = "",
    tell: Tell = Tell.EVERY,
    details: Mapping[str, str] | None = None,
) -> Case:
    """She agreed, in a flow, to be sent on to a service for `need` (of `service.NEEDS`) or of a `kind` (of `service.KINDS`).

    A counsellor has to choose the service and send it, so the case is listed at the desk; the flow's question must have said
    that a person reads it, because from now on one may. `details` (item -> words) is what she has answered already; a counsellor
    completes it before anything goes out. Asked again for the same, the newer consent counts. Returns the case, saved. Writes
    the consent and the referral into the caller's transaction.
    """
    wanted = next((one for one in uow.referrals.of_case(case.uid) if _same(one, need, kind)), None)
    made = replace(
        wanted
        or Referral(
            uid=new_uid(), case_uid=case.uid, status=ReferralStatus.WANTED, need=need, kind=kind, made_by=audit.SEEKER,
            created_at=uow.now, changed_at=uow.now,
        ),
        items=consent.items, consent_step=consent.step, consent_text=consent.text, consent_line=consent.line_seq,
        consented_at=consent.given_at, tell=tell, changed_at=uow.now, details=details or {},
    )  # fmt: skip
    if wanted is None:
        uow.referrals.add(made)
    else:
        uow.referrals.save(made)
    note(uow, case, audit.SEEKER, audit.REFERRAL_CONSENT, made)
    case = replace(case, agreed_at=case.agreed_at or uow.now)
    if case.listed_at is None:
        case = replace(case, listed_at=uow.now)
        uow.audit.add(AuditEntry(actor=audit.SYSTEM, action=audit.CASE_LISTED, object=case.code))
        if open_of(uow, case) is None:
            case = replace(case, next_due_at=case_due_at(case, calling=False))
    uow.cases.save(case)
    uow.ring("desk")
    return case


def take_back(uow: UnitOfWork, case: Case, *, need: str = "", kind: str = "") -> int:
    """She takes her consent back: for one need or kind, or for all when neither is given. How many referrals that ends."""
    ended = 0
    for one in uow.referrals.of_case(case.uid):
        meant = (not need and not kind) or (one.need, one.kind) == (need, kind)
        if meant and ReferralStatus.DECLINED in NEXT[one.status]:
            decline(uow, case, one, audit.SEEKER)
            ended += 1
    return ended


def _same(one: Referral, need: str, kind: str) -> bool:
    return one.status is ReferralStatus.WANTED and (one.need, one.kind) == (need, kind)


# --- for all ---------------------------------------------------------------------------------------------------------------


def change(
    uow: UnitOfWork, voice: Voice, case: Case, referral: Referral, status: ReferralStatus, actor: str
) -> Referral:
    """It stands otherwise now: stored, noted down, said to her when she wants to hear it; a page that is over is closed."""
    after = replace(referral, status=status, changed_at=uow.now)
    uow.referrals.save(after)
    note(uow, case, actor, audit.REFERRAL_STATUS, after)
    if after.over:
        uow.referrals.end_links(after.uid)
    tell_her(uow, voice, case, after)
    uow.ring("desk")
    return after


def decline(uow: UnitOfWork, case: Case, referral: Referral, actor: str) -> Referral:
    """She does not want it (any more): what was to be told is destroyed, pages are closed, nothing more goes out."""
    after = replace(referral, status=ReferralStatus.DECLINED, details={}, changed_at=uow.now)
    uow.referrals.save(after)
    uow.referrals.end_links(after.uid)
    note(uow, case, actor, audit.REFERRAL_DECLINED, after)
    uow.ring("desk")
    return after


def tell_her(uow: UnitOfWork, voice: Voice, case: Case, referral: Referral) -> None:
    """One neutral line, when she chose to hear this; it waits like every line for a moment that is safe for her."""
    if tells(referral.tell, referral.status):
        contact = contact_of(uow, case)
        said = voice.say(f"referral_{referral.status.value}", language_of(contact))
        to_seeker(uow, contact, case, OutboxKind.RELAY, said)


def working_service(uow: UnitOfWork, service_id: str) -> Service:
    """The service, when the directory has it and it works; NoService otherwise."""
    row = uow.services.get(service_id) if service_id else None
    service = Service.from_row(row) if row else None
    if service is None or not service.working:
        raise NoService(service_id[:64])
    return service


def text_digest(text: str) -> str:
    """The first digits of a text's SHA-256: which words somebody agreed to."""
    return hashlib.sha256(text.encode()).hexdigest()[:TEXT_DIGITS]


def note(uow: UnitOfWork, case: Case, actor: str, action: str, referral: Referral) -> None:
    """One row in the audit log: ids, words of closed sets, the digest of the text she was asked; never what was told."""
    detail: dict[str, Value] = {
        "referral": referral.uid,
        "status": referral.status.value,
        "service": referral.service_id,
        "items": ",".join(item.value for item in referral.items),
        "text": referral.consent_text,
        "step": referral.consent_step,
    }
    uow.audit.add(AuditEntry(actor=actor, action=action, object=case.code, detail=detail))


def close_pages(uow: UnitOfWork, contact_uid: str) -> None:
    """Every one-time page about her ends now (she erases everything): nobody opens one any more."""
    for case in uow.cases.all_of(contact_uid):
        for one in uow.referrals.of_case(case.uid):
            uow.referrals.end_links(one.uid)
