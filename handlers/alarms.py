"""What an operator must know at once, kept until it is well again: one list, each entry a name and a word, never content."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Final

from handlers import audit, paging
from handlers.model import AuditEntry
from handlers.paging import DESK_ONLY, Surfaces
from handlers.ports import UnitOfWork

TOKEN_LOST: Final = "token-lost"  # noqa: S105 (a word) - the platform takes none of our tokens: a human must give a new one
NOT_ALLOWED: Final = "not-allowed"  # the account may not do what we ask (package, verification)
UNREACHABLE: Final = "unreachable"  # no answer for minutes
WEBHOOK_BAD: Final = "webhook-bad"  # the platform brings messages elsewhere, or cannot reach us
QUOTA_LOW: Final = "quota-low"  # four fifths of the month's messages are used
QUOTA_GONE: Final = "quota-gone"
NOBODY_PAGED: Final = "nobody-paged"  # a call for help has reached no surface of any counsellor

_KEPT = "alarms"


@dataclass(frozen=True, slots=True)
class Alarm:
    """One thing that is wrong: with what (a channel's or a part's name), which word, since when (ISO, UTC)."""

    name: str
    code: str
    since: str = ""

    @property
    def since_at(self) -> datetime:
        """Since when, aware."""
        return datetime.fromisoformat(self.since)


def ringing(uow: UnitOfWork) -> list[Alarm]:
    """All alarms that stand now, oldest first."""
    kept = uow.get_setting(_KEPT)
    return [Alarm(**one) for one in json.loads(kept)] if kept else []


def sound(uow: UnitOfWork, alarm: Alarm, surfaces: Surfaces = DESK_ONLY) -> bool:
    """Raise an alarm and tell the surfaces of it; True when it was not there before."""
    standing = ringing(uow)
    if any(_same(alarm, one) for one in standing):
        return False
    _keep(uow, [*standing, Alarm(alarm.name, alarm.code, uow.now.isoformat())])
    paging.alarm(uow, surfaces, alarm.name, alarm.code)
    uow.audit.add(AuditEntry(actor=audit.SYSTEM, action=audit.ALARM, object=alarm.name, detail={"code": alarm.code}))
    return True


def hush(uow: UnitOfWork, alarm: Alarm) -> bool:
    """Take an alarm back (all of that name when the code is empty); True when it was there."""
    standing = ringing(uow)
    left = [one for one in standing if not _same(alarm, one)]
    if len(left) == len(standing):
        return False
    _keep(uow, left)
    uow.audit.add(AuditEntry(actor=audit.SYSTEM, action=audit.ALARM_OVER, object=alarm.name))
    return True


def _same(wanted: Alarm, standing: Alarm) -> bool:
    return wanted.name == standing.name and wanted.code in ("", standing.code)


def _keep(uow: UnitOfWork, alarms: Sequence[Alarm]) -> None:
    uow.set_setting(_KEPT, json.dumps([asdict(alarm) for alarm in alarms]))
    uow.ring("desk", "outbox")
