"""How the service stands at this moment, for whoever keeps it running: counts, ages and times, nothing of anybody.

One reading serves the metrics and the status page alike, so that the two never disagree.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from handlers.duty import Duty
from handlers.operation import operation
from handlers.ports import Queues, UnitOfWork
from handlers.return_codes import TRIES_WITHIN
from handlers.rules.ladder import BACKUP, ON_DUTY, SUPERVISOR
from handlers.rules.roster import Gap
from handlers.watching import PARTS, Finding, findings, silent_for

RUNGS: Final = (ON_DUTY, BACKUP, SUPERVISOR)
WATCHED: Final = "watched"
BACKED_UP: Final = "backup.made_at"
QUARANTINE: Final = "quarantine"
CHANNEL: Final = "channel:"
"""Before a channel's name: the sign of life of its receiving loop."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Watched:
    """What the auditor last wrote down of its own work. The words of `alarm` and `ping`: "none" (no address is set), "" (nothing
    sent yet), "arrived", "failed".
    """

    at: datetime
    told: tuple[str, ...] = ()  # codes of the findings that somebody was told of, and that last
    alarm: str = "none"
    ping: str = "none"
    pinged_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class KeyRisk:
    """One thing that may make the keys get lost or be read by others."""

    code: str  # stable; the status page has its own words for each
    said: str  # a sentence in English with what to do, for commands and logs
    of: str = ""  # what it is about: names of keys, days, a count


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """Everything an operator is shown and a metric is made of."""

    at: datetime
    late: tuple[Finding, ...]
    queues: Queues
    silent: Mapping[str, timedelta | None]  # part -> since its last sign of life; None: never seen
    on_duty: Mapping[str, int]  # rung -> how many people stand on it now
    gap: Gap | None
    quarantine: bool
    content_version: str
    published_at: datetime | None
    backup_at: datetime | None
    watched: Watched | None
    codes_refused: int  # right return codes refused within the last hour


def health(
    uow: UnitOfWork,
    duty: Duty,
    receiving: Sequence[str] = (),
    silent_here: Callable[[str], timedelta | None] | None = None,
) -> Health:
    """Read all of it on one snapshot; for `Door.read`. `receiving`: channels that poll. `silent_here` answers for parts of this
    very process where signs of life are not written down (one process does everything).
    """
    parts = (*PARTS, *(f"{CHANNEL}{name}" for name in receiving))
    ask = silent_here or (lambda part: silent_for(uow, part))
    history = uow.content.history()
    staff = uow.staff.all()
    backup = uow.get_setting(BACKED_UP)
    return Health(
        at=uow.now,
        late=tuple(findings(uow)),
        queues=uow.watch.queues(),
        silent={part: ask(part) for part in parts},
        on_duty={rung: len(duty.on_rung(rung, staff, uow.now)) for rung in RUNGS},
        gap=duty.gap_ahead(uow.now),
        quarantine=uow.get_setting(QUARANTINE) == "on",
        content_version=history[-1].version if history else "",
        published_at=history[-1].published_at if history else None,
        backup_at=None if backup is None else datetime.fromisoformat(backup),
        watched=watched(uow),
        codes_refused=uow.watch.refused_codes(uow.now - TRIES_WITHIN).count,
    )


def watched(uow: UnitOfWork) -> Watched | None:
    """What the auditor last wrote down, or None when none has ever run."""
    kept = uow.get_setting(WATCHED)
    if kept is None:
        return None
    said = json.loads(kept)
    pinged = said["pinged_at"]
    return Watched(
        at=datetime.fromisoformat(said["at"]),
        told=tuple(said["told"]),
        alarm=said["alarm"],
        ping=said["ping"],
        pinged_at=datetime.fromisoformat(pinged) if pinged else None,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Looked:
    """An auditor has looked: what it says of itself. `pinged_s` seconds ago the last ping arrived; None: none has."""

    told: tuple[str, ...]
    alarm: str
    ping: str
    pinged_s: float | None


@operation("writer")
def keep_watched(uow: UnitOfWork, looks: Sequence[Looked]) -> list[None]:
    """Write down the newest look, for those who ask how the watching stands."""
    newest = looks[-1]
    pinged_at = None if newest.pinged_s is None else uow.now - timedelta(seconds=newest.pinged_s)
    said = {
        "at": uow.now.isoformat(),
        "told": list(newest.told),
        "alarm": newest.alarm,
        "ping": newest.ping,
        "pinged_at": pinged_at.isoformat() if pinged_at else "",
    }
    uow.set_setting(WATCHED, json.dumps(said))
    return [None for _ in looks]


@operation("writer")
def keep_backup(uow: UnitOfWork, made_at: Sequence[datetime]) -> list[None]:
    """A whole backup was made then."""
    uow.set_setting(BACKED_UP, max(made_at).isoformat())
    return [None for _ in made_at]
