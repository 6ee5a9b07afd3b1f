"""Staff on SQL: their records, their sign-ins, and failed attempts for throttling. Rare, so written at once."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import bindparam, delete, func, select, update
from sqlalchemy.dialects.postgresql import insert

from handlers.model import SignIn, Staff
from storage.records import Mapping
from storage.staff_tables import half_sign_ins
from storage.tables import failures, sign_ins, staff

if TYPE_CHECKING:
    from storage.uow import SqlUnitOfWork

FAILURES_KEPT = timedelta(days=1)

_rows = Mapping(staff, Staff)
_session_rows = Mapping(sign_ins, SignIn)
_select = select(*_rows.columns, staff.c.name_key)
_ALL = _select.order_by(staff.c.name_key)
_BY_UID = _select.where(staff.c.uid == bindparam("uid"))
_BY_NAME = _select.where(staff.c.name_key == bindparam("name_key"))
_insert = insert(staff)
_SAVE = _insert.on_conflict_do_update(
    index_elements=[staff.c.uid],
    set_={name: _insert.excluded[name] for name in (*_rows.names, "name_key") if name != "uid"},
)
_CHANGE = update(staff).where(staff.c.uid == bindparam("b_uid"))
_sign_in = insert(sign_ins)
_SIGN_IN = _sign_in.on_conflict_do_update(
    index_elements=[sign_ins.c.token_hash], set_={"last_seen_at": _sign_in.excluded.last_seen_at}
)
_TOUCH = (
    update(sign_ins).where(sign_ins.c.token_hash == bindparam("b_token")).values(last_seen_at=bindparam("last_seen_at"))
)
_SIGNED_IN = select(*_session_rows.columns).where(sign_ins.c.token_hash == bindparam("token_hash"))
_SIGN_OUT = delete(sign_ins).where(
    (sign_ins.c.token_hash == bindparam("b_token"))
    | ((sign_ins.c.staff_uid == bindparam("b_staff")) & (sign_ins.c.token_hash != bindparam("b_but")))
)
_SIGN_OUT_HALVES = delete(half_sign_ins).where(half_sign_ins.c.staff_uid == bindparam("b_staff"))
_SESSIONS = (
    select(*_session_rows.columns)
    .where(sign_ins.c.staff_uid == bindparam("staff_uid"))
    .order_by(sign_ins.c.last_seen_at.desc(), sign_ins.c.token_hash)
)
_FAILURES = (
    select(func.count())
    .select_from(failures)
    .where(failures.c.key == bindparam("key"), failures.c.at >= bindparam("since"))
)
_FAILED = insert(failures)
_CLEAR = delete(failures).where(failures.c.key == bindparam("b_key"))
_FORGIVE = delete(failures).where(
    failures.c.id == select(func.max(failures.c.id)).where(failures.c.key == bindparam("b_key")).scalar_subquery()
)
_FORGET = delete(failures).where(failures.c.key.startswith(bindparam("b_start")))
_SWEEP = delete(failures).where(failures.c.at < bindparam("before"))


class StaffRegister:
    """`handlers.ports.StaffStore` on SQL."""

    def __init__(self, uow: SqlUnitOfWork) -> None:
        self._uow = uow
        self._all: dict[str, Staff] | None = None  # asked for again and again while escalations ring
        self._read: dict[str, dict[str, Any]] = {}  # uid -> its columns as they were read or written here
        self._sessions: set[str] = set()  # token hashes read here

    def all(self) -> list[Staff]:
        """Everybody, enabled or not, by name."""
        if self._all is None:
            everybody = sorted(map(self._seen, self._uow.execute(_ALL)), key=lambda one: one.name.casefold())
            self._all = {one.uid: one for one in everybody}
        return list(self._all.values())

    def forget(self) -> None:
        """Read everybody anew the next time."""
        self._all = None

    def get(self, uid: str) -> Staff | None:
        """By uid."""
        return self._all.get(uid) if self._all is not None else self._one(_BY_UID, {"uid": uid})

    def by_name(self, name: str) -> Staff | None:
        """By sign-in name, upper and lower case alike."""
        return self._one(_BY_NAME, {"name_key": name.strip().casefold()})

    def save(self, staff: Staff) -> None:
        """Add or overwrite."""
        self._all = None
        values = _rows.values(staff) | {"name_key": staff.name.strip().casefold()}
        before = self._read.get(staff.uid)
        if before is None:
            self._uow.execute(_SAVE, values)
        elif changed := {name: values[name] for name in values if values[name] != before[name]}:
            # Only what was changed here: somebody else may be changing the rest at this moment.
            self._uow.execute(_CHANGE, {"b_uid": staff.uid, **changed})
        self._read[staff.uid] = values

    def sign_in(self, session: SignIn) -> None:
        """Add or touch a staff session. One that was read here is only touched: ended meanwhile, it stays ended."""
        if session.token_hash in self._sessions:
            self._uow.execute(_TOUCH, {"b_token": session.token_hash, "last_seen_at": session.last_seen_at})
        else:
            self._uow.execute(_SIGN_IN, _session_rows.values(session))

    def signed_in(self, token_hash: str) -> SignIn | None:
        """The staff session of this token hash, whatever its age."""
        row = self._uow.execute(_SIGNED_IN, {"token_hash": token_hash}).first()
        if row is None:
            return None
        self._sessions.add(token_hash)
        return _session_rows.record(row)

    def sessions(self, staff_uid: str) -> list[SignIn]:
        """Her sessions, whatever their age, the one seen last first."""
        return [_session_rows.record(row) for row in self._uow.execute(_SESSIONS, {"staff_uid": staff_uid})]

    def sign_out(self, *, token_hash: str = "", staff_uid: str = "", but: str = "") -> None:
        """End one session, or all of a staff member `but` one, with whatever she has half begun."""
        self._uow.execute(_SIGN_OUT, {"b_token": token_hash, "b_staff": staff_uid, "b_but": but})
        if staff_uid:
            self._uow.execute(_SIGN_OUT_HALVES, {"b_staff": staff_uid})

    def failures(self, key: str, since: datetime) -> int:
        """Failed attempts under `key` since then. Whoever may add one counts alone, so that many at once do not slip through."""
        self._uow.lock_name(f"failures:{key}")
        return int(self._uow.execute(_FAILURES, {"key": key, "since": since}).scalar())

    def note_failure(self, key: str) -> None:
        """One more failed attempt now; those older than a day are swept."""
        self._uow.execute(_SWEEP, {"before": self._uow.now - FAILURES_KEPT})
        self._uow.execute(_FAILED, {"key": key, "at": self._uow.now})

    def clear_failures(self, key: str) -> None:
        """Forget them."""
        self._uow.execute(_CLEAR, {"b_key": key})

    def forgive(self, key: str) -> None:
        """Take back the attempt counted last."""
        self._uow.execute(_FORGIVE, {"b_key": key})

    def forget_failures(self, start: str) -> None:
        """Forget those under every key that begins so."""
        self._uow.execute(_FORGET, {"b_start": start})

    def _one(self, statement: Any, values: dict[str, str]) -> Staff | None:
        row = self._uow.execute(statement, values).first()
        return None if row is None else self._seen(row)

    def _seen(self, row: Any) -> Staff:
        staff = _rows.record(row)
        self._read[staff.uid] = _rows.values(staff) | {"name_key": row.name_key}
        return staff
