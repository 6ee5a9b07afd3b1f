"""What staff may do at the desk: permission first, one transaction each, one audit row each.

Every surface (page, later groups and gateways) is a view of these commands. Each method of `Desk` is an operation for
`Door.run`: a list of commands in, a list of results out, a coded error where something may not be.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from flows.effects import Value
from handlers import audit
from handlers.calling import may_be_read, open_of
from handlers.desk_views import (
    alias_of,
    case_of,
    case_view,
    holds,
    media_view,
    new_lines,
    open_case_of,
    queue_view,
    written,
)
from handlers.desk_words import (
    DESK_DISPOSITIONS,
    CaseView,
    Claim,
    Claimed,
    Close,
    Note,
    Offer,
    OpenCase,
    PassUp,
    Queue,
    QueueView,
    ReadLines,
    ReadMedia,
    Release,
    Reply,
    Saved,
    SeenMedia,
    SetDuty,
)
from handlers.errors import (
    AlreadyClaimed,
    NoSuchCase,
    NotAgreed,
    NotAllowed,
    NotReachable,
    NotWished,
    NotYours,
    StaleClaim,
    WindowShut,
)
from handlers.escalation import Escalations
from handlers.model import (
    AuditEntry,
    Case,
    Contact,
    Direction,
    Disposition,
    DutySwitch,
    Escalation,
    OutboxKind,
    Staff,
    new_uid,
)
from handlers.operation import operation
from handlers.outgoing import append_line, in_touch, reachable, to_seeker
from handlers.passing import is_offered, offer, pass_up, take_over
from handlers.permissions import Action, may, require
from handlers.ports import UnitOfWork
from handlers.rules import holding, leaving
from handlers.rules.ladder import HELD, ladder_for
from handlers.rules.windows import ALWAYS_OPEN, ReplyWindow
from handlers.stays import contact_of
from handlers.voice import language_of

__all__ = [
    "DESK_DISPOSITIONS",
    "CaseView",
    "Claim",
    "Claimed",
    "Close",
    "Desk",
    "Note",
    "Offer",
    "OpenCase",
    "PassUp",
    "Queue",
    "QueueView",
    "ReadLines",
    "ReadMedia",
    "Release",
    "Reply",
    "Saved",
    "SeenMedia",
    "SetDuty",
]

GoOn = Callable[[UnitOfWork, Contact, Case], Case]
"""The flow goes on where the handover says; returns the case with the flow's lines."""


def stay_quiet(uow: UnitOfWork, contact: Contact, case: Case) -> Case:
    """No flow goes on (tests, and before the wiring has one)."""
    return case


@dataclass(frozen=True, slots=True)
class Desk:
    """The commands. `released` is called when a talk has ended, so that the flow goes on."""

    escalations: Escalations
    released: GoOn = stay_quiet
    windows: Mapping[str, ReplyWindow] = field(default_factory=dict)  # by channel

    @operation("claim")
    def claim(self, uow: UnitOfWork, items: Sequence[Claim]) -> list[Claimed]:
        """'Mine': compare and set on state and epoch. AlreadyClaimed (detail: the winner's alias), StaleClaim (the call has
        gone out anew), NotWished, NoSuchCase, CaseClosed, NotAllowed. Claiming again what one holds is fine and changes nothing.
        """
        return [self._claim(uow, item) for item in items]

    def _claim(self, uow: UnitOfWork, item: Claim) -> Claimed:
        me = require(uow, item.staff_uid, Action.CLAIM)
        case = open_case_of(uow, item.case_code)
        escalation = open_of(uow, case)
        if not holds(escalation, me) and not is_offered(escalation, me) and not self._fits(uow, case, escalation, me):
            raise NotWished(case.code)
        if escalation is None:
            return self._take_up(uow, me, case)
        if escalation.state in HELD:
            if is_offered(escalation, me):
                case = take_over(self.escalations, uow, me, case, escalation)
                return Claimed(case_code=case.code, epoch=escalation.epoch, agreed=may_be_read(case))
            if not holds(escalation, me):
                raise AlreadyClaimed(alias_of(uow, escalation.owner_uid))
            return Claimed(case_code=case.code, epoch=escalation.epoch, again=True, agreed=may_be_read(case))
        if escalation.epoch != item.epoch:
            raise StaleClaim(case.code)
        contact = contact_of(uow, case)
        off_duty = self.escalations.off_duty(uow, me.uid)
        moved = holding.claimed(escalation, me.uid, uow.now, off_duty=off_duty)
        case = self.escalations.carry_out(uow, contact, case, moved, me.uid)
        return self._meet(uow, contact, case, moved.escalation)

    def _fits(self, uow: UnitOfWork, case: Case, escalation: Escalation | None, me: Staff) -> bool:
        """May she have it by what the seeker wishes? Whether somebody else has it is told first."""
        taken = escalation is not None and escalation.state in HELD
        return taken or self.escalations.fits(uow, case, escalation, me.uid)

    def _take_up(self, uow: UnitOfWork, me: Staff, case: Case) -> Claimed:
        """A case that waits without ringing: the escalation begins as claimed."""
        if case.listed_at is None:
            raise NoSuchCase(case.code)
        contact = contact_of(uow, case)
        fresh = holding.taken_up(
            uid=new_uid(),
            case_uid=case.uid,
            ladder=ladder_for(case.severity),
            staff_uid=me.uid,
            now=uow.now,
            off_duty=self.escalations.off_duty(uow, me.uid),
        )
        case = replace(case, next_due_at=None)
        uow.cases.save(case)
        case = self.escalations.carry_out(uow, contact, case, fresh, me.uid, new=True)
        return self._meet(uow, contact, case, fresh.escalation)

    def _meet(self, uow: UnitOfWork, contact: Contact | None, case: Case, escalation: Escalation) -> Claimed:
        """Introduce the counsellor, or ask the seeker first."""
        if may_be_read(case):
            self.escalations.introduce(uow, contact, case)
        else:
            case = self.escalations.carry_out(uow, contact, case, holding.offered(escalation, uow.now))
            self.escalations.offer(uow, contact, case)
        return Claimed(case_code=case.code, epoch=escalation.epoch, agreed=may_be_read(case))

    @operation("reply")
    def reply(self, uow: UnitOfWork, items: Sequence[Reply]) -> list[Saved]:
        """A line to the seeker from whoever holds the case, or held it until her shift was over. NotYours, NotAgreed,
        NotReachable, WindowShut, CaseClosed, NothingWritten.
        """
        return [self._reply(uow, item) for item in items]

    def _reply(self, uow: UnitOfWork, item: Reply) -> Saved:
        me = require(uow, item.staff_uid, Action.REPLY)
        text = written(item.text)
        case = open_case_of(uow, item.case_code)
        if uow.lines.has_client_key(case.uid, item.client_key):
            return Saved(seq=0, again=True)
        escalation = self._mine(uow, case, me, till_taken=True)
        if not may_be_read(case):
            raise NotAgreed(case.code)
        contact = contact_of(uow, case)
        if not reachable(contact):
            raise NotReachable(case.code)
        if self.windows.get(contact.channel, ALWAYS_OPEN).is_shut(contact.last_inbound_at, uow.now):
            raise WindowShut(case.code)
        if escalation.state not in HELD:
            case, escalation = self._taken_back(uow, contact, case, escalation, me)
        arrives = not contact.quiet and in_touch(contact, case)
        seq = case.next_seq
        case = to_seeker(uow, contact, case, OutboxKind.RELAY, text, author=me.uid, client_key=item.client_key)
        case = replace(case, human=True)
        if arrives:  # a held line is not heard: the danger stays unanswered
            case = replace(case, last_human_at=uow.now, danger_at=None, next_due_at=None)
        uow.cases.save(case)
        self.escalations.carry_out(uow, contact, case, holding.answered(escalation, uow.now), me.uid)
        return Saved(seq=seq, held=not arrives)

    def _taken_back(
        self, uow: UnitOfWork, contact: Contact, case: Case, escalation: Escalation, me: Staff
    ) -> tuple[Case, Escalation]:
        """Her shift is over and the next one is being called, but nobody has it yet and she goes on writing: it stays hers."""
        off_duty = self.escalations.off_duty(uow, me.uid)
        moved = holding.claimed(escalation, me.uid, uow.now, off_duty=off_duty)
        case = self.escalations.carry_out(uow, contact, case, moved, me.uid)
        return self.escalations.introduce(uow, contact, case), moved.escalation

    @operation("note")
    def note(self, uow: UnitOfWork, items: Sequence[Note]) -> list[Saved]:
        """A line for colleagues, from whoever holds the case, or held it until her shift was over. NotYours, CaseClosed,
        NothingWritten.
        """
        return [self._note(uow, item) for item in items]

    def _note(self, uow: UnitOfWork, item: Note) -> Saved:
        me = require(uow, item.staff_uid, Action.NOTE)
        text = written(item.text)
        case = open_case_of(uow, item.case_code)
        if uow.lines.has_client_key(case.uid, item.client_key):
            return Saved(seq=0, again=True)
        self._mine(uow, case, me, till_taken=True)
        return self._write_note(uow, case, me, text, item.client_key)

    def _write_note(self, uow: UnitOfWork, case: Case, me: Staff, text: str, client_key: str | None) -> Saved:
        _, line = append_line(uow, case, direction=Direction.NOTE, author=me.uid, text=text, client_key=client_key)
        uow.audit.add(AuditEntry(actor=me.uid, action=audit.CASE_NOTED, object=case.code))
        return Saved(seq=line.seq)

    @operation("release")
    def release(self, uow: UnitOfWork, items: Sequence[Release]) -> list[None]:
        """Give it back: it rings anew at once. NotYours unless the roles allow it for a colleague's case."""
        for item in items:
            me = require(uow, item.staff_uid, Action.RELEASE)
            case = open_case_of(uow, item.case_code)
            escalation = self._mine(uow, case, me, beside=Action.RELEASE_ANY)
            self.escalations.ring_anew(uow, contact_of(uow, case), case, escalation, me.uid)
        return [None] * len(items)

    @operation("pass_up")
    def pass_up(self, uow: UnitOfWork, items: Sequence[PassUp]) -> list[None]:
        """Not me: the next rung is called now. AlreadyClaimed, StaleClaim, NoSuchCase, CaseClosed, NotAllowed."""
        for item in items:
            me = require(uow, item.staff_uid, Action.HAND_ON)
            pass_up(self.escalations, uow, me, open_case_of(uow, item.case_code), item.epoch)
        return [None] * len(items)

    @operation("offer")
    def offer(self, uow: UnitOfWork, items: Sequence[Offer]) -> list[None]:
        """My case for a colleague, who is called and must claim it before it moves. NotYours, NotAllowed, CaseClosed."""
        for item in items:
            me = require(uow, item.staff_uid, Action.HAND_ON)
            case = open_case_of(uow, item.case_code)
            offer(self.escalations, uow, me, case, self._mine(uow, case, me), item.to_staff_uid)
        return [None] * len(items)

    @operation("close")
    def close(self, uow: UnitOfWork, items: Sequence[Close]) -> list[None]:
        """End the stay with a disposition of `DESK_DISPOSITIONS`; the flow goes on. NotYours, CaseClosed, NotAllowed."""
        for item in items:
            self._close(uow, item)
        return [None] * len(items)

    def _close(self, uow: UnitOfWork, item: Close) -> None:
        me = require(uow, item.staff_uid, Action.CLOSE)
        disposition = Disposition(item.disposition)
        if disposition not in DESK_DISPOSITIONS:
            raise NotAllowed(disposition.value)
        case = open_case_of(uow, item.case_code)
        escalation = open_of(uow, case)
        if not holds(escalation, me) and not may(me, Action.CLOSE_ANY):
            raise NotYours(case.code)
        contact = contact_of(uow, case)
        talked = case.human
        case = replace(case, human=False)
        uow.cases.save(case)
        if escalation is not None:
            over = holding.ended(escalation, "closed", uow.now)
            case = self.escalations.carry_out(uow, contact, case, over, me.uid)
            escalation = over.escalation
        case = self._say_farewell(uow, contact, case, talked=talked)
        if open_of(uow, case) is None:  # unless the flow has called for a human again
            self.escalations.ending.close(uow, case, disposition, escalation, me.uid)

    def _say_farewell(self, uow: UnitOfWork, contact: Contact | None, case: Case, *, talked: bool) -> Case:
        """She is told that the machine answers again, and the flow goes on, within this stay's transcript."""
        if contact is None:
            return case
        uow.outbox.cancel_waiting(contact.uid)
        if talked:
            said = self.escalations.voice.say("human_left", language_of(contact))
            case = to_seeker(uow, contact, case, OutboxKind.RELAY, said)
        return self.released(uow, contact, case) if in_touch(contact, case) else case

    @operation("open_case")
    def open_case(self, uow: UnitOfWork, items: Sequence[OpenCase]) -> list[CaseView]:
        """Look at a case; what may be read is read, and the look is in the audit log of the same transaction. A reason typed
        for reading somebody else's case is kept as a note in it.
        """
        return [self._open_case(uow, item) for item in items]

    def _open_case(self, uow: UnitOfWork, item: OpenCase) -> CaseView:
        me = require(uow, item.staff_uid, Action.SEE_QUEUE)
        case = case_of(uow, item.case_code)
        reason = item.reason.strip()
        reasoned = bool(reason) and may(me, Action.READ_ANY) and not holds(open_of(uow, case), me)
        view = case_view(uow, case, me, after_seq=item.after_seq, reasoned=reasoned)
        if reasoned and view.readable:
            self._write_note(uow, case, me, reason, None)
        return view

    @operation("read_lines")
    def read_lines(self, uow: UnitOfWork, items: Sequence[ReadLines]) -> list[CaseView]:
        """What is new in a case one holds; audited when something is. NotYours."""
        views = []
        for item in items:
            me = require(uow, item.staff_uid, Action.READ_OWN)
            views.append(new_lines(uow, case_of(uow, item.case_code), me, item.after_seq))
        return views

    @operation("read_media")
    def read_media(self, uow: UnitOfWork, items: Sequence[ReadMedia]) -> list[SeenMedia]:
        """A picture or a voice note of a case one holds; each look is audited. NotYours, NoSuchCase, NotAllowed."""
        found = []
        for item in items:
            me = require(uow, item.staff_uid, Action.READ_OWN)
            found.append(media_view(uow, case_of(uow, item.case_code), me, item.media_uid))
        return found

    def queue(self, uow: UnitOfWork, items: Sequence[Queue]) -> list[QueueView]:
        """The queue without content; writes nothing, so it may also run as `Door.read(lambda uow: desk.queue(uow, [q])[0])`."""
        views = []
        for item in items:
            me = require(uow, item.staff_uid, Action.SEE_QUEUE)
            views.append(queue_view(uow, self.escalations.duty, me))
        return views

    @operation("set_duty")
    def set_duty(self, uow: UnitOfWork, items: Sequence[SetDuty]) -> list[Staff]:
        """*Tôi đang trực / nghỉ*. Coming on duty makes everything that rings due now."""
        return [self._set_duty(uow, item) for item in items]

    def _set_duty(self, uow: UnitOfWork, item: SetDuty) -> Staff:
        me = require(uow, item.staff_uid, Action.SET_DUTY)
        until = None if item.duty is DutySwitch.AUTO else self.escalations.duty.switch_until(me, uow.now)
        me = replace(me, duty=item.duty, duty_until_at=until)
        uow.staff.save(me)
        detail: dict[str, Value] = {"duty": item.duty.value}
        uow.audit.add(AuditEntry(actor=me.uid, action=audit.DUTY_SET, object=me.uid, detail=detail))
        if item.duty is not DutySwitch.OFF:
            self.escalations.shift_began(uow)
        uow.ring("desk")
        return me

    def _mine(
        self, uow: UnitOfWork, case: Case, me: Staff, *, beside: Action | None = None, till_taken: bool = False
    ) -> Escalation:
        """The escalation that `me` holds (or may act upon beside its owner); NotYours, with the owner's alias, otherwise.
        `till_taken`: or the one she held until her shift was over, while nobody else has it yet.
        """
        escalation = open_of(uow, case)
        if till_taken and escalation is not None and leaving.may_take_back(escalation, me.uid):
            return escalation
        allowed = holds(escalation, me) or (beside is not None and may(me, beside))
        if escalation is not None and escalation.state in HELD and allowed:
            return escalation
        raise NotYours(alias_of(uow, escalation.owner_uid if escalation else None))
