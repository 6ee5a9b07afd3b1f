"""Who works here and who is signed in: adding, disabling, new passwords, sign-in with its throttle, sign-out.

A password's text never comes here, only its hash. An attempt counts before it is tried, so that many at once do not slip
through; unknown names are counted like known ones, so that nobody learns who works here.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from handlers.errors import BinhAnError, NotAllowed, TooManyTries
from handlers.model import AuditEntry, DutySwitch, Role, SignIn, Staff, new_uid
from handlers.ports import UnitOfWork

IDLE: Final = timedelta(minutes=20)
"""A staff session without any sign of life for longer than this is over. An open desk page is a sign of life."""
ABSOLUTE: Final = timedelta(hours=12)
"""A staff session never lasts longer than a long shift."""
TOUCH_AFTER: Final = timedelta(minutes=1)
"""How stale `last_seen_at` may get before it is written again: saves a commit per request."""
THROTTLE_WINDOW: Final = timedelta(minutes=15)
TRIES_PER_NAME: Final = 8
TRIES_PER_PREFIX: Final = 40
MAX_NAME_CHARS: Final = 40
COMMAND_LINE: Final = "command line"
"""Actor of the audit row when staff are changed by a command on the server."""

# words of the audit log
STAFF_ADDED: Final = "staff.added"
STAFF_CHANGED: Final = "staff.changed"
STAFF_DISABLED: Final = "staff.disabled"
STAFF_ENABLED: Final = "staff.enabled"
PASSWORD_SET: Final = "staff.password_set"  # noqa: S105 (a word of the audit log)
SIGNED_IN: Final = "staff.signed_in"
SIGNED_OUT: Final = "staff.signed_out"
SIGN_IN_REFUSED: Final = "staff.sign_in_refused"


class NameTaken(BinhAnError):
    """Somebody is signed up under this name already; choose another or use `staff reset`."""

    code = "name-taken"


class NoSuchStaff(BinhAnError):
    """Nobody here has this sign-in name; see `staff list`."""

    code = "no-such-staff"


class BadName(BinhAnError):
    """A sign-in name is 1 to 40 characters without spaces at its ends; an alias as well; at least one role is needed."""

    code = "bad-name"


# --- commands ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class AddStaff:
    """A new staff member with a first password. `by` is a staff uid or `COMMAND_LINE`."""

    name: str
    alias: str
    roles: tuple[Role, ...]
    password_hash: str = field(repr=False)
    woman: bool = False
    by: str = COMMAND_LINE


@dataclass(frozen=True, slots=True, kw_only=True)
class SetWoman:
    """Whether she is called for somebody who asks to talk with a woman."""

    name: str
    woman: bool
    by: str = COMMAND_LINE


@dataclass(frozen=True, slots=True, kw_only=True)
class SetPassword:
    """A new password; every session of this person ends."""

    name: str
    password_hash: str = field(repr=False)
    by: str = COMMAND_LINE


@dataclass(frozen=True, slots=True, kw_only=True)
class SetEnabled:
    """Disable (sessions end, her cases ring anew) or enable again."""

    name: str
    enabled: bool
    by: str = COMMAND_LINE


@dataclass(frozen=True, slots=True, kw_only=True)
class Knock:
    """An attempt to sign in. The keys are keyed hashes of the name and of the caller's address prefix."""

    name: str
    name_key: str
    prefix_key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What to compare the password with; `staff_uid` empty and no hash: nobody enabled has that name."""

    staff_uid: str = ""
    password_hash: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Enter:
    """The password was right: begin a session. `password_hash` is the one that was compared."""

    staff_uid: str
    password_hash: str = field(repr=False)
    token_hash: str
    name_key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Resume:
    """Whose session is this? Reads only."""

    token_hash: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Resumed:
    """A living session. `touch`: time to write that it lives."""

    staff: Staff
    touch: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Touch:
    """The session shows a sign of life."""

    token_hash: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SignOut:
    """End this one session."""

    token_hash: str


# --- signing in --------------------------------------------------------------------------------------------------------


def knock(uow: UnitOfWork, items: Sequence[Knock]) -> list[Known | TooManyTries]:
    """Count the attempt, then say what to compare with. A refusal is returned, not raised: its count must be committed."""
    return [_knock(uow, item) for item in items]


def _knock(uow: UnitOfWork, item: Knock) -> Known | TooManyTries:
    since = uow.now - THROTTLE_WINDOW
    over = (
        uow.staff.failures(item.name_key, since) >= TRIES_PER_NAME
        or uow.staff.failures(item.prefix_key, since) >= TRIES_PER_PREFIX
    )
    staff = uow.staff.by_name(item.name)
    if over:
        # Not counted: otherwise somebody who only knows a name could keep its owner out for ever.
        _audit(uow, staff.uid if staff else "unknown", SIGN_IN_REFUSED, staff.uid if staff else "")
        return TooManyTries()
    uow.staff.note_failure(item.name_key)
    uow.staff.note_failure(item.prefix_key)
    if staff is None or not staff.enabled or not staff.password_hash:
        return Known()
    return Known(staff_uid=staff.uid, password_hash=staff.password_hash)


def enter(uow: UnitOfWork, items: Sequence[Enter]) -> list[Staff]:
    """Begin a session. NotAllowed when the person was disabled or got a new password meanwhile."""
    return [_enter(uow, item) for item in items]


def _enter(uow: UnitOfWork, item: Enter) -> Staff:
    staff = uow.staff.get(item.staff_uid)
    if staff is None or not staff.enabled or staff.password_hash != item.password_hash:
        raise NotAllowed(item.staff_uid)
    uow.staff.clear_failures(item.name_key)
    uow.staff.sign_in(SignIn(token_hash=item.token_hash, staff_uid=staff.uid, created_at=uow.now, last_seen_at=uow.now))
    _audit(uow, staff.uid, SIGNED_IN, staff.uid)
    return staff


def resume(uow: UnitOfWork, item: Resume) -> Resumed | None:
    """The staff member of a living session, or None; for `Door.read`."""
    session = uow.staff.signed_in(item.token_hash)
    if session is None or not lives(session, uow.now):
        return None
    staff = uow.staff.get(session.staff_uid)
    if staff is None or not staff.enabled:
        return None
    return Resumed(staff=staff, touch=uow.now - session.last_seen_at >= TOUCH_AFTER)


def lives(session: SignIn, now: datetime) -> bool:
    """Is this session neither idle for too long nor older than a shift?"""
    return now - session.last_seen_at <= IDLE and now - session.created_at <= ABSOLUTE


def touch(uow: UnitOfWork, items: Sequence[Touch]) -> list[None]:
    """Write that the sessions live; one that is over stays over. Safe to repeat."""
    for item in items:
        session = uow.staff.signed_in(item.token_hash)
        if session is not None and lives(session, uow.now):
            uow.staff.sign_in(dataclasses.replace(session, last_seen_at=uow.now))
    return [None] * len(items)


def sign_out(uow: UnitOfWork, items: Sequence[SignOut]) -> list[None]:
    """End the sessions. Safe to repeat."""
    for item in items:
        session = uow.staff.signed_in(item.token_hash)
        if session is not None:
            uow.staff.sign_out(token_hash=item.token_hash)
            _audit(uow, session.staff_uid, SIGNED_OUT, session.staff_uid)
    return [None] * len(items)


# --- keeping staff -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Staffing:
    """Operations of those who keep the staff list. `when_disabled` makes everything she holds ring anew."""

    when_disabled: Callable[[UnitOfWork, str], None]

    def add(self, uow: UnitOfWork, items: Sequence[AddStaff]) -> list[Staff]:
        """Add; NameTaken, BadName."""
        return [self._add(uow, item) for item in items]

    def set_password(self, uow: UnitOfWork, items: Sequence[SetPassword]) -> list[Staff]:
        """Set the hash and end her sessions; NoSuchStaff."""
        return [self._set_password(uow, item) for item in items]

    def set_enabled(self, uow: UnitOfWork, items: Sequence[SetEnabled]) -> list[Staff]:
        """Disable or enable; NoSuchStaff. Safe to repeat."""
        return [self._set_enabled(uow, item) for item in items]

    def set_woman(self, uow: UnitOfWork, items: Sequence[SetWoman]) -> list[Staff]:
        """Note it; NoSuchStaff. Safe to repeat."""
        return [self._set_woman(uow, item) for item in items]

    def _add(self, uow: UnitOfWork, item: AddStaff) -> Staff:
        for word in (item.name, item.alias):
            if not word or word != word.strip() or len(word) > MAX_NAME_CHARS or not word.isprintable():
                raise BadName
        if not item.roles:
            raise BadName
        if uow.staff.by_name(item.name) is not None:
            raise NameTaken
        staff = Staff(
            uid=new_uid(),
            name=item.name,
            alias=item.alias,
            roles=item.roles,
            password_hash=item.password_hash,
            woman=item.woman,
            created_at=uow.now,
        )
        uow.staff.save(staff)
        _audit(uow, item.by, STAFF_ADDED, staff.uid, roles=[role.value for role in item.roles])
        return staff

    def _set_woman(self, uow: UnitOfWork, item: SetWoman) -> Staff:
        staff = dataclasses.replace(_named(uow, item.name), woman=item.woman)
        uow.staff.save(staff)
        _audit(uow, item.by, STAFF_CHANGED, staff.uid)
        return staff

    def _set_password(self, uow: UnitOfWork, item: SetPassword) -> Staff:
        staff = dataclasses.replace(_named(uow, item.name), password_hash=item.password_hash)
        uow.staff.save(staff)
        uow.staff.sign_out(staff_uid=staff.uid)
        _audit(uow, item.by, PASSWORD_SET, staff.uid)
        return staff

    def _set_enabled(self, uow: UnitOfWork, item: SetEnabled) -> Staff:
        staff = _named(uow, item.name)
        if staff.enabled == item.enabled:
            return staff
        staff = dataclasses.replace(staff, enabled=item.enabled, duty=DutySwitch.AUTO, duty_until_at=None)
        uow.staff.save(staff)
        if not item.enabled:
            uow.staff.sign_out(staff_uid=staff.uid)
            uow.accounts.unbind(staff.uid)
            self.when_disabled(uow, staff.uid)
        uow.ring("desk")
        _audit(uow, item.by, STAFF_ENABLED if item.enabled else STAFF_DISABLED, staff.uid)
        return staff


def _named(uow: UnitOfWork, name: str) -> Staff:
    staff = uow.staff.by_name(name)
    if staff is None:
        raise NoSuchStaff
    return staff


def _audit(uow: UnitOfWork, actor: str, action: str, subject: str, *, roles: list[str] | None = None) -> None:
    detail = {"roles": ",".join(roles)} if roles else {}
    uow.audit.add(AuditEntry(actor=actor, action=action, object=subject, detail=dict(detail)))
