"""Who works here: adding, disabling, new passwords, ending sessions, and what helps somebody who has lost her phone.

A password's text never comes here, only its hash. Whoever is not at the server's own command line needs the right to keep staff,
and nobody does any of this to herself.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

from handlers.audit import SEEKER, SYSTEM
from handlers.command_line import COMMAND_LINE, is_command_line
from handlers.errors import BinhAnError
from handlers.factors import HELP_CODE_LIVES, new_code
from handlers.model import AuditEntry, DutySwitch, Role, Staff, new_uid
from handlers.permissions import Action, may, require
from handlers.ports import UnitOfWork
from handlers.sessions import cut, end_pages

MAX_NAME_CHARS: Final = 40
_TAKEN: Final = frozenset({SYSTEM, SEEKER})
"""Nobody signs in under a word that stands in the audit log for somebody else."""

# words of the audit log
STAFF_ADDED: Final = "staff.added"
STAFF_CHANGED: Final = "staff.changed"
ROLES_SET: Final = "staff.roles_set"
STAFF_DISABLED: Final = "staff.disabled"
STAFF_ENABLED: Final = "staff.enabled"
PASSWORD_SET: Final = "staff.password_set"  # noqa: S105 (a word of the audit log)
SESSIONS_ENDED: Final = "staff.sessions_ended"
FACTORS_RESET: Final = "staff.factors_reset"
HELP_CODE_MADE: Final = "staff.help_code_made"
UNLOCKED: Final = "staff.unlocked"


class NameTaken(BinhAnError):
    """Somebody is signed up under this name already; choose another or use `staff reset`."""

    code = "name-taken"


class NoSuchStaff(BinhAnError):
    """Nobody here has this sign-in name; see `staff list`."""

    code = "no-such-staff"


class BadName(BinhAnError):
    """A name or alias is 1 to 40 characters without spaces at its ends, a name not "system" or "seeker"; a role is needed."""

    code = "bad-name"


class LastKeeper(BinhAnError):
    """Nobody else who is enabled could keep the staff then; first give the role supervisor or operator to somebody else."""

    code = "last-keeper"


class NotYourself(BinhAnError):
    """Nobody does this for herself; ask a colleague who may keep staff."""

    code = "not-yourself"


class NothingToHelp(BinhAnError):
    """This person has no second factor, so a code would open nothing; the password alone lets her in."""

    code = "nothing-to-help"


# --- commands ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class AddStaff:
    """A new staff member with a first password. `by` is a staff uid or whoever stands at the command line."""

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
class SetRoles:
    """These roles and no others; every session of this person ends, so that the rights change at once."""

    name: str
    roles: tuple[Role, ...]
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
class EndSessions:
    """End every session of this person, wherever it is open."""

    name: str
    by: str = COMMAND_LINE


@dataclass(frozen=True, slots=True, kw_only=True)
class ResetFactors:
    """Take away every second factor and spare code: the password alone opens, until something is enrolled anew."""

    name: str
    by: str = COMMAND_LINE


@dataclass(frozen=True, slots=True, kw_only=True)
class MakeHelpCode:
    """One code to read out to somebody who has lost her phone: once, within one shift."""

    name: str
    by: str = COMMAND_LINE


@dataclass(frozen=True, slots=True, kw_only=True)
class Unlock:
    """Forget the failed attempts under this name. `name_key` as in `handlers.signing_in.Throttle`."""

    name: str
    name_key: str
    by: str = COMMAND_LINE


# --- keeping staff -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Staffing:
    """Operations of those who keep the staff list. `when_disabled` makes everything she holds ring anew, also when her new roles
    let her answer nobody any more.
    """

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

    def set_roles(self, uow: UnitOfWork, items: Sequence[SetRoles]) -> list[Staff]:
        """Replace her roles; NoSuchStaff, BadName (no role), LastKeeper, NotAllowed, NotYourself. Safe to repeat."""
        return [self._set_roles(uow, item) for item in items]

    def end_sessions(self, uow: UnitOfWork, items: Sequence[EndSessions]) -> list[Staff]:
        """Cut every way in that is open now, bound accounts on messengers included; NoSuchStaff, NotAllowed. Safe to repeat."""
        return [self._end_sessions(uow, item) for item in items]

    def reset_factors(self, uow: UnitOfWork, items: Sequence[ResetFactors]) -> list[Staff]:
        """Take second factors and spare codes away, and cut; NoSuchStaff, NotAllowed, NotYourself. Safe to repeat."""
        return [self._reset_factors(uow, item) for item in items]

    def make_help_code(self, uow: UnitOfWork, items: Sequence[MakeHelpCode]) -> list[str]:
        """A code to read out, shown this once; NoSuchStaff, NotAllowed, NotYourself, NothingToHelp."""
        return [self._make_help_code(uow, item) for item in items]

    def unlock(self, uow: UnitOfWork, items: Sequence[Unlock]) -> list[Staff]:
        """Let her try again at once; NoSuchStaff, NotAllowed. Safe to repeat."""
        return [self._unlock(uow, item) for item in items]

    def _add(self, uow: UnitOfWork, item: AddStaff) -> Staff:
        for word in (item.name, item.alias):
            if not word or word != word.strip() or len(word) > MAX_NAME_CHARS or not word.isprintable():
                raise BadName
        if item.name.casefold() in _TAKEN or is_command_line(item.name.casefold()):
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
        _audit(uow, item.by, STAFF_ADDED, staff.uid, roles=_words(item.roles))
        return staff

    def _set_woman(self, uow: UnitOfWork, item: SetWoman) -> Staff:
        staff = dataclasses.replace(_named(uow, item.name), woman=item.woman)
        uow.staff.save(staff)
        _audit(uow, item.by, STAFF_CHANGED, staff.uid)
        return staff

    def _set_roles(self, uow: UnitOfWork, item: SetRoles) -> Staff:
        before = _named(uow, item.name)
        _may_keep(uow, item.by, before)
        roles = tuple(dict.fromkeys(item.roles))
        if not roles:
            raise BadName
        if roles == before.roles:
            return before
        staff = dataclasses.replace(before, roles=roles)
        if may(before, Action.KEEP_STAFF) and not may(staff, Action.KEEP_STAFF):
            _somebody_keeps_staff(uow, but=staff.uid)
        if not may(staff, Action.SET_DUTY):
            staff = dataclasses.replace(staff, duty=DutySwitch.AUTO, duty_until_at=None)
        uow.staff.save(staff)
        end_pages(uow, staff.uid)
        if not may(staff, Action.REPLY):
            self.when_disabled(uow, staff.uid)
        _audit(uow, item.by, ROLES_SET, staff.uid, roles=_words(roles), before=_words(before.roles))
        return staff

    def _set_password(self, uow: UnitOfWork, item: SetPassword) -> Staff:
        staff = dataclasses.replace(_named(uow, item.name), password_hash=item.password_hash)
        _may_keep(uow, item.by, staff)
        uow.staff.save(staff)
        end_pages(uow, staff.uid)
        _audit(uow, item.by, PASSWORD_SET, staff.uid)
        return staff

    def _set_enabled(self, uow: UnitOfWork, item: SetEnabled) -> Staff:
        staff = _named(uow, item.name)
        _may_keep(uow, item.by, staff)
        if staff.enabled == item.enabled:
            return staff
        staff = dataclasses.replace(staff, enabled=item.enabled, duty=DutySwitch.AUTO, duty_until_at=None)
        uow.staff.save(staff)
        if not item.enabled:
            cut(uow, staff.uid)
            self.when_disabled(uow, staff.uid)
        uow.ring("desk")
        _audit(uow, item.by, STAFF_ENABLED if item.enabled else STAFF_DISABLED, staff.uid)
        return staff

    def _end_sessions(self, uow: UnitOfWork, item: EndSessions) -> Staff:
        staff = _named(uow, item.name)
        _may_keep(uow, item.by, staff)
        cut(uow, staff.uid)
        _audit(uow, item.by, SESSIONS_ENDED, staff.uid)
        return staff

    def _reset_factors(self, uow: UnitOfWork, item: ResetFactors) -> Staff:
        staff = _named(uow, item.name)
        _may_keep(uow, item.by, staff)
        for factor in uow.factors.of(staff.uid):
            uow.factors.remove(factor.uid)
        uow.factors.drop_codes(staff.uid)
        cut(uow, staff.uid)
        _audit(uow, item.by, FACTORS_RESET, staff.uid)
        return staff

    def _make_help_code(self, uow: UnitOfWork, item: MakeHelpCode) -> str:
        staff = _named(uow, item.name)
        _may_keep(uow, item.by, staff)
        if not uow.factors.of(staff.uid):
            raise NothingToHelp
        code = new_code()
        uow.factors.add_codes(staff.uid, [code], item.by, uow.now + HELP_CODE_LIVES)
        _audit(uow, item.by, HELP_CODE_MADE, staff.uid)
        return code

    def _unlock(self, uow: UnitOfWork, item: Unlock) -> Staff:
        staff = _named(uow, item.name)
        _may_keep(uow, item.by, staff)
        uow.staff.forget_failures(item.name_key)
        uow.staff.forget_failures(f"second:{staff.uid}/")
        _audit(uow, item.by, UNLOCKED, staff.uid)
        return staff


def _may_keep(uow: UnitOfWork, by: str, staff: Staff) -> None:
    """The command line may; a staff member only with the right to, read in this very transaction, and never to herself."""
    if is_command_line(by):
        return
    require(uow, by, Action.KEEP_STAFF)
    if by == staff.uid:
        raise NotYourself


def _somebody_keeps_staff(uow: UnitOfWork, *, but: str) -> None:
    if not any(may(one, Action.KEEP_STAFF) for one in uow.staff.all() if one.uid != but):
        raise LastKeeper


def _named(uow: UnitOfWork, name: str) -> Staff:
    staff = uow.staff.by_name(name)
    if staff is None:
        raise NoSuchStaff
    return staff


def _words(roles: tuple[Role, ...]) -> str:
    return ",".join(role.value for role in roles)


def _audit(uow: UnitOfWork, actor: str, action: str, subject: str, **detail: str) -> None:
    uow.audit.add(AuditEntry(actor=actor, action=action, object=subject, detail=dict(detail)))
