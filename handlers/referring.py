"""What a counsellor does to send somebody on: ask her, write down what she agreed to, send, say how it stands."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from handlers import audit
from handlers.calling import may_be_read, open_of
from handlers.desk import Desk
from handlers.desk_views import case_of, holds, open_case_of
from handlers.desk_words import Reply
from handlers.errors import NotAgreed, NotYours
from handlers.model import AuditEntry, Case, Staff, new_uid
from handlers.operation import operation
from handlers.permissions import Action, may, require
from handlers.ports import UnitOfWork
from handlers.referral import MAX_DETAIL_CHARS, NEXT, Item, Referral, ReferralStatus, Tell
from handlers.referrals import (
    NoConsent,
    NoSuchReferral,
    WrongStatus,
    change,
    decline,
    note,
    tell_her,
    text_digest,
    working_service,
)
from handlers.service import SECRET_KINDS, Disclosure, Service
from handlers.stays import contact_of
from handlers.voice import Voice, language_of

DESK_STEP = "desk"
"""The step of a consent that a counsellor asked for herself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AskConsent:
    """Ask her whether these items may be told to this service. `client_key` as for a reply."""

    staff_uid: str
    case_code: str
    service_id: str
    items: tuple[Item, ...]
    need: str = ""
    client_key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SendReferral:
    """She agreed: to whom, to which items, and what is told. `line_seq`: the line she said yes with; None when by voice."""

    staff_uid: str
    case_code: str
    referral_uid: str
    agreed: tuple[Item, ...]
    details: Mapping[Item, str] = field(repr=False)
    tell: Tell = Tell.EVERY
    service_id: str = ""  # for a wish out of a flow, which names none
    line_seq: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SetReferral:
    """How it stands now."""

    staff_uid: str
    case_code: str
    referral_uid: str
    status: ReferralStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class LookAtReferrals:
    """All referrals of a case, with what was told when she who looks may read it."""

    staff_uid: str
    case_code: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReferralView:
    """A referral as the desk shows it."""

    referral: Referral
    service: Service | None
    may_act: bool
    page_open: bool  # a one-time page of it waits to be opened or answered


@dataclass(frozen=True, slots=True)
class Referring:
    """The commands of the desk; each is an operation for `Door.run`."""

    desk: Desk
    voice: Voice

    @operation("referral_ask")
    def ask(self, uow: UnitOfWork, items: Sequence[AskConsent]) -> list[Referral]:
        """The question goes to her as the counsellor's own line. NotYours, NotAgreed, NotReachable, NoService, NoConsent."""
        return [self._ask(uow, item) for item in items]

    def _ask(self, uow: UnitOfWork, item: AskConsent) -> Referral:
        me = require(uow, item.staff_uid, Action.REFER)
        case = open_case_of(uow, item.case_code)
        service = working_service(uow, item.service_id)
        if not item.items:
            raise NoConsent("no item")
        text = self.consent_text(service, item.items, language_of(contact_of(uow, case)))
        reply = Reply(staff_uid=me.uid, case_code=case.code, text=text, client_key=item.client_key)
        saved = self.desk.reply(uow, [reply])[0]
        if saved.again:
            found = [one for one in uow.referrals.of_case(case.uid) if one.status is ReferralStatus.ASKED]
            if found:
                return found[-1]
        made = Referral(
            uid=new_uid(), case_uid=case.uid, status=ReferralStatus.ASKED, need=item.need, service_id=service.id,
            kind=service.kind, items=item.items, consent_step=DESK_STEP, consent_text=text_digest(text),
            consent_line=saved.seq or None, made_by=me.uid, created_at=uow.now, changed_at=uow.now,
        )  # fmt: skip
        uow.referrals.add(made)
        note(uow, case, me.uid, audit.REFERRAL_ASKED, made)
        return made

    def consent_text(self, service: Service, items: Sequence[Item], language: str = "") -> str:
        """What she is asked, in her language: which place, and each thing that would be told. A hidden place is not named."""
        hidden = service.disclosure is not Disclosure.PUBLIC or service.kind in SECRET_KINDS
        place = self.voice.say("referral_hidden_place", language) if hidden else service.name
        told = "\n".join(f"- {self.voice.say(f'referral_item_{item.value}', language)}" for item in items)
        return self.voice.say("referral_consent", language, place=place, items=told)

    @operation("referral_send")
    def send(self, uow: UnitOfWork, items: Sequence[SendReferral]) -> list[Referral]:
        """Write down what she agreed to and what is told; it counts as sent from now. NoConsent, WrongStatus, NoService."""
        return [self._send(uow, item) for item in items]

    def _send(self, uow: UnitOfWork, item: SendReferral) -> Referral:
        me, case, referral = self.mine(uow, item.staff_uid, item.case_code, item.referral_uid)
        if ReferralStatus.SENT not in NEXT[referral.status]:
            raise WrongStatus(referral.status.value)
        agreed = tuple(one for one in Item if one in item.agreed)
        if not agreed or not set(agreed) <= set(referral.items):
            raise NoConsent("she was not asked about some of it")
        details = {one.value: text.strip() for one, text in item.details.items() if text.strip()}
        if not {Item(one) for one in details} <= set(agreed):
            raise NoConsent("something would be told that she did not agree to")
        if any(len(text) > MAX_DETAIL_CHARS for text in details.values()):
            raise NoConsent(f"at most {MAX_DETAIL_CHARS} characters for each")
        service = working_service(uow, item.service_id or referral.service_id)
        if referral.service_id and service.id != referral.service_id:
            raise NoConsent("she was asked about another place")
        if not referral.service_id and not _as_wished(referral, service):
            raise NoConsent("she wished for another kind of help")
        consented = referral.consented_at or uow.now
        line = item.line_seq if item.line_seq is not None else referral.consent_line
        after = replace(
            referral, status=ReferralStatus.SENT, service_id=service.id, kind=service.kind, items=agreed, details=details,
            tell=item.tell, consented_at=consented, consent_line=line, sent_at=uow.now, changed_at=uow.now,
        )  # fmt: skip
        uow.referrals.save(after)
        if referral.consented_at is None:
            note(uow, case, me.uid, audit.REFERRAL_CONSENT, after)
        note(uow, case, me.uid, audit.REFERRAL_STATUS, after)
        tell_her(uow, self.voice, case, after)
        return after

    @operation("referral_set")
    def set_status(self, uow: UnitOfWork, items: Sequence[SetReferral]) -> list[Referral]:
        """How it stands now; she hears what she chose to hear. WrongStatus, NotYours, NoSuchReferral."""
        return [self._set_status(uow, item) for item in items]

    def _set_status(self, uow: UnitOfWork, item: SetReferral) -> Referral:
        me, case, referral = self.mine(uow, item.staff_uid, item.case_code, item.referral_uid, also_closed=True)
        if item.status is ReferralStatus.SENT or item.status not in NEXT[referral.status]:
            raise WrongStatus(referral.status.value)
        if item.status is ReferralStatus.DECLINED:
            return decline(uow, case, referral, me.uid)
        return change(uow, self.voice, case, referral, item.status, me.uid)

    @operation("referral_look")
    def look(self, uow: UnitOfWork, items: Sequence[LookAtReferrals]) -> list[list[ReferralView]]:
        """All referrals of a case; what was told only for whoever may act on them, and that look is in the audit log."""
        return [self._look(uow, item) for item in items]

    def _look(self, uow: UnitOfWork, item: LookAtReferrals) -> list[ReferralView]:
        me = require(uow, item.staff_uid, Action.REFER)
        case = case_of(uow, item.case_code)
        views = []
        for one in uow.referrals.of_case(case.uid):
            acts = _may_act(uow, me, case, one)
            shown = one if acts else replace(one, details={})
            row = uow.services.get(one.service_id) if one.service_id else None
            page_open = bool(uow.referrals.open_links(one.uid))
            service = Service.from_row(row) if row else None
            views.append(ReferralView(referral=shown, service=service, may_act=acts, page_open=page_open))
        if any(view.referral.details for view in views):
            uow.audit.add(AuditEntry(actor=me.uid, action=audit.REFERRAL_READ, object=case.code))
        return views

    def mine(
        self, uow: UnitOfWork, staff_uid: str, case_code: str, referral_uid: str, *, also_closed: bool = False
    ) -> tuple[Staff, Case, Referral]:
        """Who acts, on which case and referral; NotAllowed, NoSuchCase, CaseClosed, NoSuchReferral, NotAgreed, NotYours."""
        me = require(uow, staff_uid, Action.REFER)
        case = case_of(uow, case_code) if also_closed else open_case_of(uow, case_code)
        referral = uow.referrals.get(referral_uid)
        if referral is None or referral.case_uid != case.uid:
            raise NoSuchReferral
        if not may_be_read(case):
            raise NotAgreed(case.code)
        if not _may_act(uow, me, case, referral):
            raise NotYours(case.code)
        return me, case, referral


def _as_wished(referral: Referral, service: Service) -> bool:
    """Whether the service is what she agreed to in a flow, which names a need or a kind of place and no service."""
    return referral.need in service.needs if referral.need else referral.kind in ("", service.kind)


def _may_act(uow: UnitOfWork, me: Staff, case: Case, referral: Referral) -> bool:
    """Whoever holds the case; when it is closed, who made the referral; and supervisors. Nobody before she agreed to be read."""
    if not may_be_read(case):
        return False
    if holds(open_of(uow, case), me) or may(me, Action.READ_ANY):
        return True
    return case.closed_at is not None and referral.made_by == me.uid
