"""Staff on SQL: their records, their sign-ins, and failed attempts for throttling. Rare, so written at once."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import bindparam, delete, func, select
from sqlalchemy.dialects.sqlite import insert

from handlers.model import SignIn, Staff
from storage.records import Mapping
from storage.tables import failures, sign_ins, staff

if TYPE_CHECKING:
    from storage.uow import SqlUnitOfWork

FAILURES_KEPT = timedelta(days=1)

_rows = Mapping(staff, Staff)
_session_rows = Mapping(sign_ins, SignIn)
_select = select(*_rows.columns)
_ALL = _select.order_by(staff.c.name_key)
_BY_UID = _select.where(staff.c.uid == bindparam("uid"))
_BY_NAME = _select.where(staff.c.name_key == bindparam("name_key"))
_insert = insert(staff)
_SAVE = _insert.on_conflict_do_update(
    index_elements=[staff.c.uid],
    set_={name: _insert.excluded[name] for name in (*_rows.names, "name_key") if name != "uid"},
)
_sign_in = insert(sign_ins)
_SIGN_IN = _sign_in.on_conflict_do_update(
    index_elements=[sign_ins.c.token_hash], set_={"last_seen_at": _sign_in.excluded.last_seen_at}
)
_SIGNED_IN = select(*_session_rows.columns).where(sign_ins.c.token_hash == bindparam("token_hash"))
_SIGN_OUT = delete(sign_ins).where(
    (sign_ins.c.token_hash == bindparam("b_token")) | (sign_ins.c.staff_uid == bindparam("b_staff"))
)
_FAILURES = (
    select(func.count())
    .select_from(failures)
    .where(failures.c.key == bindparam("key"), failures.c.at >= bindparam("since"))
)
_FAILED = insert(failures)
_CLEAR = delete(failures).where(failures.c.key == bindparam("b_key"))
_SWEEP = delete(failures).where(failures.c.at < bindparam("before"))


class StaffRegister:
    """`handlers.ports.StaffStore` on SQL."""

    def __init__(self, uow: SqlUnitOfWork) -> None:
        self._uow = uow
        self._all: dict[str, Staff] | None = None  # asked for again and again while escalations ring

    def all(self) -> list[Staff]:
        """Everybody, enabled or not, by name."""
        if self._all is None:
            self._all = {row.uid: _rows.record(row) for row in self._uow.execute(_ALL)}
        return list(self._all.values())

    def get(self, uid: str) -> Staff | None:
        """By uid."""
        return self._all.get(uid) if self._all is not None else self._one(_BY_UID, {"uid": uid})

    def by_name(self, name: str) -> Staff | None:
        """By sign-in name, upper and lower case alike."""
        return self._one(_BY_NAME, {"name_key": name.strip().casefold()})

    def save(self, staff: Staff) -> None:
        """Add or overwrite."""
        self._all = None
        self._uow.execute(_SAVE, _rows.values(staff) | {"name_key": staff.name.strip().casefold()})

    def sign_in(self, session: SignIn) -> None:
        """Add or touch a staff session."""
        self._uow.execute(_SIGN_IN, _session_rows.values(session))

    def signed_in(self, token_hash: str) -> SignIn | None:
        """The staff session of this token hash, whatever its age."""
        row = self._uow.execute(_SIGNED_IN, {"token_hash": token_hash}).first()
        return None if row is None else _session_rows.record(row)

    def sign_out(self, *, token_hash: str = "", staff_uid: str = "") -> None:
        """End one session, or all of a staff member."""
        self._uow.execute(_SIGN_OUT, {"b_token": token_hash, "b_staff": staff_uid})

    def failures(self, key: str, since: datetime) -> int:
        """Failed attempts under `key` since then."""
        return int(self._uow.execute(_FAILURES, {"key": key, "since": since}).scalar())

    def note_failure(self, key: str) -> None:
        """One more failed attempt now; those older than a day are swept."""
        self._uow.execute(_SWEEP, {"before": self._uow.now - FAILURES_KEPT})
        self._uow.execute(_FAILED, {"key": key, "at": self._uow.now})

    def clear_failures(self, key: str) -> None:
        """Forget them."""
        self._uow.execute(_CLEAR, {"b_key": key})

    def _one(self, statement: Any, values: dict[str, str]) -> Staff | None:
        row = self._uow.execute(statement, values).first()
        return None if row is None else _rows.record(row)
