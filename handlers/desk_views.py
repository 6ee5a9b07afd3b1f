"""What the desk shows: the queue without content, and a case with content only where that may be read. Each look is audited."""

from __future__ import annotations

from dataclasses import replace

from flows.effects import Value
from handlers import alarms, audit, media
from handlers.calling import may_be_read, open_of
from handlers.desk_words import CaseView, QueueView, SeenMedia
from handlers.duty import Duty, switch_of
from handlers.errors import CaseClosed, NoSuchCase, NothingWritten, NotWished, NotYours
from handlers.model import (
    AuditEntry,
    Case,
    DeskLine,
    DutySwitch,
    Escalation,
    EscalationState,
    Leaving,
    MediaState,
    Staff,
    Summary,
)
from handlers.outgoing import in_touch, reachable
from handlers.permissions import Action, may
from handlers.ports import UnitOfWork
from handlers.return_codes import masked
from handlers.rules.ladder import HELD, ON_DUTY, RUNGS
from handlers.rules.leaving import may_take_back
from handlers.stays import contact_of

LINES_AT_ONCE = 500


def queue_view(uow: UnitOfWork, duty: Duty, me: Staff) -> QueueView:
    """The queue as `me` sees it."""
    staff = uow.staff.all()
    mine = {uow.cases.get(one.case_uid).code for one in uow.escalations.owned_by(me.uid)}
    cards = tuple(replace(card, mine=card.case_code in mine) for card in uow.cases.queue())
    switch = switch_of(me, uow.now)
    return QueueView(
        cards=cards,
        on_duty=tuple(one.alias for one in duty.on_rung(ON_DUTY, staff, uow.now)),
        duty=switch,
        duty_until_at=me.duty_until_at if switch is not DutySwitch.AUTO else None,
        gap=duty.gap_ahead(uow.now),
        alarms=tuple(alarms.ringing(uow)),
        me_on_duty=any(me.uid == one.uid for rung in RUNGS for one in duty.on_rung(rung, staff, uow.now)),
    )


def case_view(uow: UnitOfWork, case: Case, me: Staff, *, after_seq: int, reasoned: bool) -> CaseView:
    """The case as `me` may see it; writes the audit row of this look. `reasoned`: she has typed why she must read it.

    NotWished when she does not want to talk with `me`. NotYours when somebody else holds it (or nobody) and the roles or the
    missing reason do not let her look inside; a case that waits or rings is shown without content to everybody at the desk.
    """
    escalation = open_of(uow, case)
    if me.uid in case.summary.avoid:
        raise NotWished(case.code)
    own = holds(escalation, me) or _held_last(escalation, me)
    if case.closed_at is not None and not (reasoned and may(me, Action.READ_ANY)):
        raise NotYours(case.code)
    readable = may_be_read(case) and (own or (reasoned and may(me, Action.READ_ANY)))
    action = audit.CASE_CARD
    if readable:
        action = audit.CASE_READ if own else audit.CASE_READ_WITH_REASON
    lines = lines_for_desk(uow, case, after_seq, with_media=own) if readable else ()
    detail: dict[str, Value] = {"after": after_seq, "lines": len(lines)}
    uow.audit.add(AuditEntry(actor=me.uid, action=action, object=case.code, detail=detail))
    return _view(uow, case, escalation, me, readable=readable, lines=lines)


def new_lines(uow: UnitOfWork, case: Case, me: Staff, after_seq: int) -> CaseView:
    """The view with the lines after `after_seq`, for somebody who holds the case; audited when there are any."""
    escalation = open_of(uow, case)
    own = holds(escalation, me) or (_held_last(escalation, me) and me.uid not in case.summary.avoid)
    if not own:
        raise NotYours(case.code)
    readable = may_be_read(case)
    lines = lines_for_desk(uow, case, after_seq, with_media=True) if readable else ()
    if lines:
        detail: dict[str, Value] = {"after": after_seq, "lines": len(lines)}
        uow.audit.add(AuditEntry(actor=me.uid, action=audit.CASE_READ, object=case.code, detail=detail))
    return _view(uow, case, escalation, me, readable=readable and bool(lines), lines=lines)


def lines_for_desk(uow: UnitOfWork, case: Case, after_seq: int, *, with_media: bool = False) -> tuple[DeskLine, ...]:
    """Lines with aliases in place of staff uids, and without her return code, which is nobody's but hers. `with_media`: and what
    pictures and voice notes there are, for whoever holds the case.
    """
    aliases = {one.uid: one.alias for one in uow.staff.all()}
    found = uow.lines.of_case(case.uid, after_seq, LINES_AT_ONCE)
    beside = {one.seq: one for one in uow.media.of_case(case.uid)} if with_media and found else {}
    return tuple(
        replace(
            line,
            author=aliases.get(line.author, line.author),
            text=masked(line.text),
            media=beside.get(line.seq),
        )
        for line in found
    )


def media_view(uow: UnitOfWork, case: Case, me: Staff, uid: str) -> SeenMedia:
    """A picture or a voice note, for whoever holds the case; the look is audited. NotYours, NoSuchCase (no such picture)."""
    escalation = open_of(uow, case)
    own = holds(escalation, me) or (_held_last(escalation, me) and me.uid not in case.summary.avoid)
    if not own or not may_be_read(case):
        raise NotYours(case.code)
    found = uow.media.get(uid)
    if found is None or found.case_uid != case.uid:
        raise NoSuchCase(case.code)
    body = uow.media.body(uid) if found.state is MediaState.KEPT else None
    if body is None:
        return SeenMedia(state=MediaState.REFUSED if found.state is MediaState.KEPT else found.state)
    media.seen(uow, case, found, me.uid)
    return SeenMedia(state=found.state, mime=found.mime, body=body)


def holds(escalation: Escalation | None, me: Staff) -> bool:
    """Is this hers now?"""
    return escalation is not None and escalation.owner_uid == me.uid


def alias_of(uow: UnitOfWork, staff_uid: str | None) -> str:
    """The alias of a staff member, or ""."""
    found = uow.staff.get(staff_uid) if staff_uid else None
    return found.alias if found else ""


def _held_last(escalation: Escalation | None, me: Staff) -> bool:
    """Whoever held it last may look on until somebody has taken over: overlap beats a gap."""
    return (
        escalation is not None
        and escalation.state is EscalationState.RINGING
        and escalation.previous_owner_uid == me.uid
    )


def _leaving(escalation: Escalation | None, me: Staff) -> Leaving:
    """How far she is on her way off duty, told only to herself."""
    if escalation is None or not (holds(escalation, me) or may_take_back(escalation, me.uid)):
        return Leaving.NO
    return escalation.leaving


def _view(
    uow: UnitOfWork,
    case: Case,
    escalation: Escalation | None,
    me: Staff,
    *,
    readable: bool,
    lines: tuple[DeskLine, ...],
) -> CaseView:
    contact = contact_of(uow, case)
    asked = escalation.only_staff_uid if escalation is not None and escalation.state in HELD else None
    return CaseView(
        case_code=case.code,
        severity=case.severity,
        category=case.category,
        channel=case.channel,
        opened_at=case.opened_at,
        state=escalation.state if escalation else None,
        epoch=escalation.epoch if escalation else 0,
        mine=holds(escalation, me),
        owner_alias=alias_of(uow, escalation.owner_uid if escalation else None),
        readable=readable,
        agreed=may_be_read(case),
        retracted=case.retracted_at is not None,
        danger=case.danger_at is not None,
        human=case.human,
        reachable=reachable(contact),
        in_touch=contact is not None and in_touch(contact, case),
        late_answer=contact.late_answer.value if contact else "",
        late_until_at=contact.late_until_at if contact else None,
        last_inbound_at=case.last_inbound_at,
        closed_at=case.closed_at,
        disposition=case.disposition,
        summary=case.summary if readable else Summary(woman=case.summary.woman),
        lines=lines,
        leaving=_leaving(escalation, me),
        answers=holds(escalation, me) or (escalation is not None and may_take_back(escalation, me.uid)),
        offered=asked == me.uid and not holds(escalation, me),
        asked="" if asked == me.uid else alias_of(uow, asked),
    )


def case_of(uow: UnitOfWork, code: str) -> Case:
    """The listed case with this code; NoSuchCase otherwise (also for stays that the desk must not see)."""
    case = uow.cases.by_code(code.strip())
    if case is None or case.listed_at is None:
        raise NoSuchCase
    return case


def open_case_of(uow: UnitOfWork, code: str) -> Case:
    """The listed case with this code, still open; NoSuchCase, CaseClosed."""
    case = case_of(uow, code)
    if case.closed_at is not None:
        raise CaseClosed(case.code)
    return case


def written(text: str) -> str:
    """The text without spaces around it; NothingWritten when that leaves nothing."""
    cleaned = text.strip()
    if not cleaned:
        raise NothingWritten
    return cleaned
