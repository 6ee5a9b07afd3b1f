"""The statements of the outbox, written once."""

from __future__ import annotations

from sqlalchemy import (
    ColumnElement,
    FromClause,
    and_,
    bindparam,
    case,
    exists,
    func,
    literal_column,
    or_,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import insert

from handlers.model import OutboxKind, OutboxRow, OutboxState
from storage.records import Mapping
from storage.registers import settings
from storage.tables import cases, contacts, escalations, outbox, staff
from storage.types import Either, among, word

QUARANTINE = "quarantine"
"""The setting that stops everything to seekers after a restore, until an operator lifts it (value "on")."""

_rows = Mapping(outbox, OutboxRow)
_now = bindparam("now", type_=outbox.c.created_at.type)
_expired = bindparam("expired", type_=outbox.c.created_at.type)
_open = outbox.c.state.in_((word(OutboxState.PENDING), word(OutboxState.SENDING)))
_unfinished = outbox.c.state.in_((word(OutboxState.PENDING), word(OutboxState.SENDING), word(OutboxState.HELD)))
_earlier = outbox.alias("earlier")
_stale = outbox.alias("stale")
_owner = staff.alias("owner")


def _free(row: FromClause) -> ColumnElement[bool]:
    """Nobody is sending this open row: it waits, or its lease has run out."""
    return or_(
        row.c.state == word(OutboxState.PENDING),
        and_(row.c.state == word(OutboxState.SENDING), row.c.lease_until < _expired),
    )


_earlier_open = _earlier.c.state.in_((word(OutboxState.PENDING), word(OutboxState.SENDING)))
is_head = Either(
    ~exists().where(_earlier.c.lane == outbox.c.lane, _earlier.c.id < outbox.c.id, _earlier_open).correlate(outbox),
    # PostgreSQL would make a join of that, and without figures about open rows a slow one; this is one look into an index.
    outbox.c.id
    == select(_earlier.c.id)
    .where(_earlier.c.lane == outbox.c.lane, _earlier_open)
    .order_by(_earlier.c.id)
    .limit(1)
    .correlate(outbox)
    .scalar_subquery(),
)
_due = or_(
    and_(
        outbox.c.state == word(OutboxState.PENDING),
        or_(outbox.c.next_attempt_at.is_(None), outbox.c.next_attempt_at <= _now),
    ),
    and_(outbox.c.state == word(OutboxState.SENDING), outbox.c.lease_until < _expired),
)
_first_stale = (
    select(func.min(_stale.c.id))
    .where(
        _stale.c.lane == outbox.c.lane,
        _stale.c.contact_uid.is_not(None),
        _stale.c.fresh_until < _now,
        _stale.c.state.in_((word(OutboxState.PENDING), word(OutboxState.SENDING))),
        _free(_stale),
    )
    .correlate(outbox)
    .scalar_subquery()
)
_late_lanes = select(_stale.c.lane).where(
    _stale.c.contact_uid.is_not(None),
    _stale.c.fresh_until < _now,
    _stale.c.state.in_((word(OutboxState.PENDING), word(OutboxState.SENDING))),
)

ADD = insert(outbox).on_conflict_do_nothing(index_elements=[outbox.c.dedupe_key])

_is_late = and_(_open, _free(outbox), outbox.c.lane.in_(_late_lanes), outbox.c.id >= _first_stale)
HOLD_LATE = update(outbox).where(_is_late).values(state=OutboxState.HELD, lease_token=None, lease_until=None)
LATE = select(outbox.c.uid).where(_is_late)
"""The same in two steps, for a database where somebody else may have some of these rows in hand: those are left to her."""

HOLD_HERS = (
    update(outbox)
    .where(
        outbox.c.contact_uid == bindparam("b_contact"),
        _unfinished,
        outbox.c.state == word(OutboxState.PENDING),
        outbox.c.fresh_until < _now,
    )
    .values(state=OutboxState.HELD)
)

_priority = case((outbox.c.kind == word(OutboxKind.PAGE), 0), (outbox.c.kind == word(OutboxKind.CARD), 1), else_=2)
_quarantined = exists().where(settings.c.name == QUARANTINE, settings.c.value == "on")

CANDIDATES = (
    select(
        *_rows.columns,
        outbox.c.outgoing_sealed,
        contacts.c.channel,
        contacts.c.address_sealed,
        contacts.c.last_inbound_at.label("heard_at"),
        cases.c.code.label("case_code"),
        cases.c.severity.label("case_severity"),
        func.coalesce(
            escalations.c.unanswered_since, escalations.c.created_at, type_=escalations.c.created_at.type
        ).label("waiting_since"),
        staff.c.name.label("staff_name"),
        staff.c.alias.label("staff_alias"),
        _owner.c.alias.label("owner_alias"),
    )
    .select_from(outbox)
    .join(contacts, contacts.c.uid == outbox.c.contact_uid, isouter=True)
    .join(cases, cases.c.uid == outbox.c.case_uid, isouter=True)
    .join(escalations, escalations.c.uid == outbox.c.escalation_uid, isouter=True)
    .join(staff, staff.c.uid == outbox.c.staff_uid, isouter=True)
    .join(_owner, _owner.c.uid == escalations.c.owner_uid, isouter=True)
    .where(
        _open,
        _due,
        is_head,
        or_(
            outbox.c.contact_uid.is_(None),
            and_(
                ~among(contacts.c.channel, "skip_channels"),
                ~_quarantined,
            ),
        ),
    )
    .order_by(_priority, func.coalesce(outbox.c.next_attempt_at, outbox.c.created_at), outbox.c.id)
    .limit(bindparam("most"))
)

_at_a_desk = and_(outbox.c.contact_uid.is_(None), outbox.c.surface == literal_column("'desk'"))
_at_these_desks = and_(_at_a_desk, among(outbox.c.staff_uid, "desks"))
LETTERS_AND_DESKS = CANDIDATES.where(or_(~_at_a_desk, _at_these_desks))
DESKS = CANDIDATES.where(_at_these_desks)

LEASE = (
    update(outbox)
    .where(outbox.c.uid == bindparam("b_uid"))
    .values(
        state=OutboxState.SENDING,
        attempts=outbox.c.attempts + 1,
        lease_token=bindparam("token"),
        lease_until=bindparam("until"),
    )
)
TAKE_BACK = (
    update(outbox)
    .where(_open, outbox.c.state == word(OutboxState.SENDING))
    # The try we died in says nothing about the platform: it must not lengthen the wait after the next failure.
    .values(lease_until=bindparam("past"), attempts=case((outbox.c.attempts > 1, outbox.c.attempts - 1), else_=0))
)
LEASED = select(outbox.c.uid, outbox.c.lease_token, outbox.c.lease_until).where(
    _open, outbox.c.state == word(OutboxState.SENDING)
)
LEASED_OF = LEASED.where(among(outbox.c.uid, "uids"))
SENT = (
    update(outbox)
    .where(outbox.c.uid == bindparam("b_uid"))
    .values(
        state=OutboxState.SENT,
        outgoing_sealed=None,
        lease_token=None,
        lease_until=None,
        error_class="",
        done_at=bindparam("done_at"),
    )
)
TAKE_BACK_ONE = TAKE_BACK.where(outbox.c.uid == bindparam("b_uid"), outbox.c.lease_token == bindparam("b_token"))
FAIL = (
    update(outbox)
    .where(outbox.c.uid == bindparam("b_uid"))
    .values(
        state=OutboxState.FAILED,
        outgoing_sealed=None,
        lease_token=None,
        lease_until=None,
        error_class=bindparam("error_class"),
        done_at=bindparam("done_at"),
    )
)

_ours = update(outbox).where(
    outbox.c.uid == bindparam("b_uid"),
    outbox.c.lease_token == bindparam("b_token"),
    outbox.c.state == word(OutboxState.SENDING),
)
RECORD_RETRY = _ours.values(
    state=bindparam("state"),
    error_class=bindparam("error_class"),
    lease_token=bindparam("lease_token"),
    lease_until=bindparam("lease_until"),
    next_attempt_at=bindparam("next_attempt_at"),
)
RECORD_DONE = _ours.values(
    state=bindparam("state"),
    error_class=bindparam("error_class"),
    lease_token=bindparam("lease_token"),
    lease_until=bindparam("lease_until"),
    done_at=bindparam("done_at"),
    outgoing_sealed=bindparam("outgoing_sealed"),
)
_lane = select(_earlier.c.lane).where(_earlier.c.uid == bindparam("b_uid")).scalar_subquery()
FAIL_LANE = (
    update(outbox)
    .where(outbox.c.lane == _lane, _open)
    .values(
        state=OutboxState.FAILED,
        outgoing_sealed=None,
        lease_token=None,
        lease_until=None,
        error_class=bindparam("b_error"),
        done_at=_now,
    )
)

OF_READER = (
    select(*_rows.columns, outbox.c.outgoing_sealed)
    .where(outbox.c.contact_uid == bindparam("contact_uid"), _unfinished, outbox.c.state == word(OutboxState.PENDING))
    .order_by(outbox.c.id)
)
UNFINISHED_OF = (
    select(*_rows.columns, outbox.c.outgoing_sealed)
    .where(
        outbox.c.contact_uid == bindparam("contact_uid"),
        _unfinished,
        outbox.c.state.in_((word(OutboxState.PENDING), word(OutboxState.HELD))),
    )
    .order_by(outbox.c.id)
)
HOLD = (
    update(outbox)
    .where(outbox.c.uid == bindparam("b_uid"))
    .values(state=OutboxState.HELD, lease_token=None, lease_until=None)
)
FETCHED = (
    update(outbox)
    .where(outbox.c.uid == bindparam("b_uid"))
    .values(state=OutboxState.SENT, outgoing_sealed=None, done_at=bindparam("done_at"))
)
NEXT_DUE = select(
    func.min(
        case(
            (outbox.c.state == word(OutboxState.SENDING), outbox.c.lease_until),
            else_=func.coalesce(outbox.c.next_attempt_at, outbox.c.created_at),
        ),
        type_=outbox.c.created_at.type,
    )
).where(_open, is_head)

PAGES_OF = (
    select(
        outbox.c.escalation_uid,
        outbox.c.epoch,
        func.min(outbox.c.created_at, type_=outbox.c.created_at.type).label("first_at"),
        func.max(case((outbox.c.state == word(OutboxState.SENT), 1), else_=0)).label("reached"),
    )
    .where(
        among(outbox.c.case_uid, "case_uids"),
        outbox.c.kind == word(OutboxKind.PAGE),
        outbox.c.note == "",
        outbox.c.escalation_uid.is_not(None),
    )
    .group_by(outbox.c.escalation_uid, outbox.c.epoch)
)

HELD_OF = (
    select(outbox.c.contact_uid)
    .where(among(outbox.c.contact_uid, "contact_uids"), _unfinished, outbox.c.state == word(OutboxState.HELD))
    .distinct()
)
RELEASE = (
    update(outbox)
    .where(
        among(outbox.c.contact_uid, "contact_uids"),
        _unfinished,
        outbox.c.state == word(OutboxState.HELD),
    )
    .values(state=OutboxState.PENDING, fresh_until=bindparam("fresh"), next_attempt_at=None)
)
RELEASE_SINCE = RELEASE.where(outbox.c.created_at >= bindparam("since", type_=outbox.c.created_at.type))
_cancel = update(outbox).values(state=OutboxState.CANCELLED, outgoing_sealed=None, done_at=_now)
_waits = outbox.c.state.in_((word(OutboxState.PENDING), word(OutboxState.HELD)))
CANCEL_SEEKER = _cancel.where(among(outbox.c.contact_uid, "contact_uids"), _unfinished, _waits)
CANCEL_WAITING = CANCEL_SEEKER.where(outbox.c.kind == word(OutboxKind.WAITING))
CANCEL_PAGES = _cancel.where(
    outbox.c.escalation_uid == bindparam("b_escalation"),
    outbox.c.kind == word(OutboxKind.PAGE),
    outbox.c.state == word(OutboxState.PENDING),
    outbox.c.epoch <= bindparam("b_epoch"),
)
