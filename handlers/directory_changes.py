"""Changing the directory: a difference first, nothing deleted, and no old check vouching for new words.

At the desk a change needs a permission and names the staff member in the audit log; at the command line it names whoever
says so. What a check has confirmed counts as checked only as long as it stays as it was (`CHECKED`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from typing import Final

from flows.effects import Value
from handlers import audit
from handlers.command_line import at_command_line
from handlers.errors import BinhAnError
from handlers.model import AuditEntry
from handlers.operation import operation
from handlers.permissions import Action, require
from handlers.ports import UnitOfWork
from handlers.service import COLUMNS, Service

CHECKED: Final = frozenset(
    {"name", "kind", "needs", "takes", "hours", "phones", "address", "commune", "lat", "lon", "cost", "covers"}
)
"""What somebody confirms when they check a service: changing one of these makes the check void."""
SETTABLE: Final = tuple(column for column in COLUMNS if column != "id")
MAX_FREE: Final = 9_999
TIME_ZONES: Final = timedelta(hours=14)  # somewhere it is tomorrow already


class NoSuchService(BinhAnError):
    """The directory has no service with this id; `directory export` lists them."""

    code = "no-such-service"


class NoSuchColumn(BinhAnError):
    """A service has no such field; `directory set --help` lists them."""

    code = "no-such-field"


class WrongValue(BinhAnError):
    """This value cannot be; nothing was changed."""

    code = "wrong-value"


class DirectoryOvertaken(BinhAnError):
    """Somebody changed the directory in the meantime; give the command again to see the difference to what is there now."""

    code = "directory-overtaken"


@dataclass(frozen=True, slots=True, kw_only=True)
class Changed:
    """One service that a file has otherwise: column -> (what is there, what the file says)."""

    service_id: str
    columns: Mapping[str, tuple[str, str]]
    unproven: bool = False  # its check is void: what was checked has changed, and the file brings no newer check


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """What importing would do; nothing is ever taken away."""

    added: tuple[Service, ...] = ()
    changed: tuple[Changed, ...] = ()
    unchanged: int = 0
    kept: tuple[str, ...] = ()  # ids that are there and not in the file: they stay
    rows: tuple[Mapping[str, str], ...] = field(default=(), repr=False)  # what would be written

    @property
    def empty(self) -> bool:
        """Nothing would be written."""
        return not self.rows


def difference(current: Iterable[Service], incoming: Iterable[Service]) -> Difference:
    """What the incoming services would change, by id."""
    there = {service.id: service for service in current}
    added, changed, rows, unchanged = [], [], [], 0
    seen: set[str] = set()
    for service in sorted(incoming, key=lambda one: one.id):
        seen.add(service.id)
        before = there.get(service.id)
        if before is None:
            added.append(service)
            rows.append(service.to_row())
            continue
        after = proven(before, service)
        old, new = before.to_row(), after.to_row()
        columns = {column: (old[column], new[column]) for column in COLUMNS if old[column] != new[column]}
        if not columns:
            unchanged += 1
            continue
        changed.append(Changed(service_id=service.id, columns=columns, unproven=after != service))
        rows.append(new)
    return Difference(
        added=tuple(added),
        changed=tuple(changed),
        unchanged=unchanged,
        kept=tuple(sorted(set(there) - seen)),
        rows=tuple(rows),
    )


def proven(before: Service, after: Service) -> Service:
    """`after`, without a check when what was checked has changed and no newer check comes with it: an older file brings the
    number of then, and must not bring the check of then along.
    """
    if after.verified_on is None or before.verified_on is None or after.verified_on > before.verified_on:
        return after
    old, new = before.to_row(), after.to_row()
    if all(old[column] == new[column] for column in CHECKED):
        return after
    return replace(after, verified_on=None, verified_by="")


# --- operations ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Import:
    """Write the rows of a difference that was made from the directory at `revision`."""

    rows: tuple[Mapping[str, str], ...] = field(repr=False)
    revision: int
    by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SetField:
    """One field of one service, from the command line."""

    service_id: str
    column: str
    value: str = field(repr=False)
    by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Verify:
    """Somebody has checked these services on that day: everything in their rows is as it is written."""

    service_ids: tuple[str, ...]
    on: date | None  # None: today
    office: str  # who checked: an office or a role
    by: str = ""  # who says so at the command line
    staff_uid: str = ""  # or at the desk


@dataclass(frozen=True, slots=True, kw_only=True)
class SetFree:
    """At the desk: so many places are free there now."""

    staff_uid: str
    service_id: str
    free: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadBoundaries:
    """These commune boundaries and no others (rows of `Boundaries.to_rows`); none takes them away."""

    rows: Mapping[str, str] = field(repr=False)
    by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplaceTable:
    """A table beside the services (of `directory_files.TABLES_BESIDE`), as a whole, once its difference was seen."""

    name: str
    text: str = field(repr=False)
    by: str


@operation("directory_table")
def replace_table(uow: UnitOfWork, items: Sequence[ReplaceTable]) -> list[None]:
    """Store holidays or travel times."""
    for item in items:
        uow.services.put_beside(item.name, item.text)
        _note(uow, at_command_line(item.by), audit.SERVICE_IMPORTED, item.name, {})
    return [None] * len(items)


@operation("boundaries")
def load_boundaries(uow: UnitOfWork, items: Sequence[LoadBoundaries]) -> list[int]:
    """Store boundaries; how many communes."""
    for item in items:
        uow.boundaries.replace(item.rows)
        _note(uow, at_command_line(item.by), audit.BOUNDARIES_LOADED, "", {"communes": len(item.rows)})
    return [len(item.rows) for item in items]


@operation("directory_begin")
def begin(uow: UnitOfWork, items: Sequence[Sequence[Service]]) -> list[bool]:
    """Before the very first start: the directory begins with the seed, so that a change to it is a change of one entry. True
    when it did; nothing happens later.
    """
    begun = []
    for seed in items:
        begun.append(not uow.services.revision())
        if begun[-1]:
            uow.services.replace([service.to_row() for service in seed])
    return begun


@operation("directory_import")
def import_services(uow: UnitOfWork, items: Sequence[Import]) -> list[int]:
    """Write services; how many rows. DirectoryOvertaken when it has changed since the difference was shown, WrongValue."""
    done = []
    for item in items:
        if uow.services.revision() != item.revision:
            raise DirectoryOvertaken
        for row in item.rows:
            _require_possible(uow, Service.from_row(row))
        uow.services.replace(item.rows)
        for row in item.rows:
            _note(uow, at_command_line(item.by), audit.SERVICE_IMPORTED, row["id"], {})
        done.append(len(item.rows))
    return done


@operation("directory_set")
def set_field(uow: UnitOfWork, items: Sequence[SetField]) -> list[Changed]:
    """Set one field; what changed (also a check that became void). NoSuchService, NoSuchColumn, WrongValue."""
    return [_set(uow, item) for item in items]


def _set(uow: UnitOfWork, item: SetField) -> Changed:
    if item.column not in SETTABLE:
        raise NoSuchColumn(item.column)
    before = _service(uow, item.service_id)
    row = before.to_row() | {item.column: item.value}
    if item.column == "free":
        row["free_at"] = uow.now.isoformat() if item.value else ""
    try:
        after = proven(before, Service.from_row(row))
    except ValueError as wrong:
        raise WrongValue(str(wrong)) from None
    _require_possible(uow, after)
    if item.column == "free":
        _require_room(before, after.free or 0)
    return _write(uow, before, after, at_command_line(item.by), audit.SERVICE_CHANGED)


@operation("directory_verify")
def verify(uow: UnitOfWork, items: Sequence[Verify]) -> list[int]:
    """Mark services as checked; how many. At the desk only for whoever may edit the directory. NoSuchService, WrongValue."""
    done = []
    for item in items:
        actor = at_command_line(item.by)
        if item.staff_uid:
            actor = require(uow, item.staff_uid, Action.EDIT_DIRECTORY).uid
        on = item.on or uow.now.date()
        if not item.office.strip() or _not_yet(uow, on):
            raise WrongValue("name the office that checked, and a day that is not in the future")
        for service_id in item.service_ids:
            before = _service(uow, service_id)
            after = replace(before, verified_on=on, verified_by=item.office.strip())
            _write(uow, before, after, actor, audit.SERVICE_VERIFIED)
        done.append(len(item.service_ids))
    return done


@operation("directory_free")
def set_free(uow: UnitOfWork, items: Sequence[SetFree]) -> list[Changed]:
    """How many places are free: one tap at the desk. NotAllowed, NoSuchService, WrongValue."""
    return [_set_free(uow, item) for item in items]


def _set_free(uow: UnitOfWork, item: SetFree) -> Changed:
    me = require(uow, item.staff_uid, Action.SET_CAPACITY)
    before = _service(uow, item.service_id)
    _require_room(before, item.free)
    after = replace(before, free=item.free, free_at=uow.now)
    return _write(uow, before, after, me.uid, audit.SERVICE_FREE)


def _require_room(service: Service, free: int) -> None:
    most = service.capacity if service.capacity is not None else MAX_FREE
    if not 0 <= free <= most:
        raise WrongValue(f"free: between 0 and {most}")


def _require_possible(uow: UnitOfWork, service: Service) -> None:
    """A check of a day to come would hide the number until then, and show it after that though nobody has looked."""
    if service.verified_on is not None and _not_yet(uow, service.verified_on):
        raise WrongValue(f"{service.id}: verified_on: a day that is not in the future")


def _not_yet(uow: UnitOfWork, day: date) -> bool:
    return day > (uow.now + TIME_ZONES).date()


def _service(uow: UnitOfWork, service_id: str) -> Service:
    row = uow.services.get(service_id)
    if row is None:
        raise NoSuchService(service_id[:64])
    return Service.from_row(row)


def _write(uow: UnitOfWork, before: Service, after: Service, actor: str, action: str) -> Changed:
    old, new = before.to_row(), after.to_row()
    columns = {column: (old[column], new[column]) for column in COLUMNS if old[column] != new[column]}
    if columns:
        uow.services.replace([new])
        _note(uow, actor, action, after.id, {"columns": ",".join(columns)})
        uow.ring("desk")
    void = before.verified_on is not None and after.verified_on is None
    return Changed(service_id=after.id, columns=columns, unproven=void)


def _note(uow: UnitOfWork, actor: str, action: str, service_id: str, detail: dict[str, Value]) -> None:
    uow.audit.add(AuditEntry(actor=actor, action=action, object=service_id, detail=detail))
