"""The words of the hotline as frozen values. See part 2 of the design for what each word means.

Every record has a `uid` (made by the application, used in references and in authenticated encryption). All datetimes are
aware, UTC, and named `..._at`. Fields with people's text are kept out of `repr`, so that no log or exception can carry them.
"""

from __future__ import annotations

from handlers.model.calling import Escalation, EscalationState, Ladder, Leaving, Rung
from handlers.model.identifiers import new_row_uid, new_uid
from handlers.model.incoming import (
    Address,
    Attachment,
    InboundMessage,
    InboxRow,
    InboxState,
    MediaKind,
    MessageKind,
    StoredMessage,
)
from handlers.model.outgoing import OutboxKind, OutboxRow, OutboxState, Outcome, Outgoing, Pin, SendJob
from handlers.model.people import AuditEntry, DutySwitch, Fact, Role, SignIn, Staff
from handlers.model.stays import Case, Contact, Direction, Disposition, Line, Reminder, Summary
from handlers.model.views import DeskLine, Media, MediaState, QueueCard

__all__ = [
    "Address",
    "Attachment",
    "AuditEntry",
    "Case",
    "Contact",
    "DeskLine",
    "Direction",
    "Disposition",
    "DutySwitch",
    "Escalation",
    "EscalationState",
    "Fact",
    "InboundMessage",
    "InboxRow",
    "InboxState",
    "Ladder",
    "Leaving",
    "Line",
    "Media",
    "MediaKind",
    "MediaState",
    "MessageKind",
    "OutboxKind",
    "OutboxRow",
    "OutboxState",
    "Outcome",
    "Outgoing",
    "Pin",
    "QueueCard",
    "Reminder",
    "Role",
    "Rung",
    "SendJob",
    "SignIn",
    "Staff",
    "StoredMessage",
    "Summary",
    "new_row_uid",
    "new_uid",
]
