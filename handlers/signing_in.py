"""Signing in to the desk: the password with its throttles, and the second step.

An attempt counts before it is tried, so that many at once do not slip through. Unknown names are counted like known ones, so that
nobody learns who works here. And nobody who only knows a name can keep its owner out: a browser she has signed in with before
is counted by itself, and a name is counted per place it is tried from.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from handlers.errors import NotAllowed, TooManyTries
from handlers.factors import FactorKind, HalfSignIn, KeyCheck, Proof, is_totp, step_of
from handlers.model import AuditEntry, SignIn, Staff
from handlers.ports import UnitOfWork

THROTTLE_WINDOW: Final = timedelta(minutes=15)
TRIES_PER_DEVICE: Final = 8
"""Of a browser this very person has signed in with before; nothing that others do counts against it."""
TRIES_PER_PAIR: Final = 8
"""Of one name from one place (a network of 256 addresses, or a /48)."""
TRIES_PER_SOURCE: Final = 40
"""Of one place, whatever the names; what succeeded is taken back, so that an office behind one address is not shut out."""
TRIES_PER_NAME: Final = 100
"""Of one name from everywhere: with passwords of 15 characters and more no guess comes near, and many places are needed."""
HALF_LIVES: Final = timedelta(minutes=10)
TRIES_PER_HALF: Final = 5
SECOND_TRIES: Final = 10
"""Wrong second steps of one person within the window, where the password was right: three of a million codes fit at a time."""

# words of the audit log
SIGNED_IN: Final = "staff.signed_in"  # detail: the proof beside the password
SIGN_IN_REFUSED: Final = "staff.sign_in_refused"  # once in a window, however many try
SECOND_REFUSED: Final = "staff.second_step_refused"  # the password was right!
CODE_USED: Final = "staff.spare_code_used"


@dataclass(frozen=True, slots=True, kw_only=True)
class Throttle:
    """What an attempt is counted under; all are keyed hashes. `device` empty: not a browser she has signed in with before."""

    name: str
    source: str
    device: str = ""

    @property
    def pair(self) -> str:
        """The name from this place."""
        return f"{self.name}/{self.source}"

    def limits(self) -> dict[str, int]:
        """Key -> how many attempts it takes, in one order for everybody."""
        if self.device:
            return {self.device: TRIES_PER_DEVICE}
        limits = {self.name: TRIES_PER_NAME, self.pair: TRIES_PER_PAIR, self.source: TRIES_PER_SOURCE}
        return dict(sorted(limits.items()))


@dataclass(frozen=True, slots=True, kw_only=True)
class Knock:
    """An attempt to sign in."""

    name: str
    throttle: Throttle


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What to compare the password with; `staff_uid` empty and no hash: nobody enabled has that name."""

    staff_uid: str = ""
    password_hash: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Enter:
    """The password was right. `password_hash` is the one that was compared; `token_hash` of the session, or half of one."""

    staff_uid: str
    password_hash: str = field(repr=False)
    token_hash: str
    throttle: Throttle


@dataclass(frozen=True, slots=True, kw_only=True)
class Confirmed:
    """Somebody signed in has typed her password again, and it was right."""

    throttle: Throttle


@dataclass(frozen=True, slots=True, kw_only=True)
class Entered:
    """Inside; or, where `owed`, only half: the second step is to follow."""

    staff: Staff
    owed: bool = False
    password_known: bool = False  # since she was here last, somebody had her password right and the second step wrong


@dataclass(frozen=True, slots=True, kw_only=True)
class AskSecond:
    """What can the second step be? `challenge`: 32 random bytes for a key to sign."""

    half_hash: str
    challenge: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Second:
    """What the second step can be: which kinds she has, and the public parts of her keys."""

    kinds: frozenset[FactorKind]
    keys: tuple[bytes, ...] = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyAnswer:
    """What a key has answered: which one it says it is, and how to check it."""

    credential: str
    check: KeyCheck = field(repr=False)


def no_device(name: str) -> str:
    """A browser nobody has signed in with before."""
    return ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Prove:
    """The second step: a code (of the app, or a spare one), or a key's answer. `device_of`: sign-in name -> `Throttle.device`,
    asked for the name this half sign-in belongs to, not for one that the page says.
    """

    half_hash: str
    token_hash: str
    code: str = field(default="", repr=False)
    key: KeyAnswer | None = None
    device_of: Callable[[str], str] = no_device


class Refused(StrEnum):
    """Why a second step leads nowhere."""

    WRONG = "wrong"
    OVER = "over"  # begin anew with the password
    TOO_MANY = "too_many"


# --- the password ------------------------------------------------------------------------------------------------------


def knock(uow: UnitOfWork, items: Sequence[Knock]) -> list[Known | TooManyTries]:
    """Count the attempt, then say what to compare with. A refusal is returned, not raised: its count must be committed."""
    return [_knock(uow, item) for item in items]


def _knock(uow: UnitOfWork, item: Knock) -> Known | TooManyTries:
    since = uow.now - THROTTLE_WINDOW
    limits = item.throttle.limits()
    tried = {key: uow.staff.failures(key, since) for key in limits}  # all of them, in one order: they are locks as well
    staff = uow.staff.by_name(item.name)
    if any(tried[key] >= most for key, most in limits.items()):
        # Not counted: otherwise the wait would never end for whoever goes on trying.
        _note_refusal(uow, f"refused:{item.throttle.name or item.throttle.device}", since, staff)
        return TooManyTries()
    for key in limits:
        uow.staff.note_failure(key)
    if staff is None or not staff.enabled or not staff.password_hash:
        return Known()
    return Known(staff_uid=staff.uid, password_hash=staff.password_hash)


def _note_refusal(uow: UnitOfWork, key: str, since: datetime, staff: Staff | None) -> None:
    """One row in the log per window: a stranger must not be able to fill the disk with it."""
    if not uow.staff.failures(key, since):
        uow.staff.note_failure(key)
        _audit(uow, staff.uid if staff else "unknown", SIGN_IN_REFUSED, staff.uid if staff else "")


def enter(uow: UnitOfWork, items: Sequence[Enter]) -> list[Entered]:
    """Begin a session, or half of one where a second factor is owed. NotAllowed when the person was disabled or got a new
    password meanwhile.
    """
    return [_enter(uow, item) for item in items]


def _enter(uow: UnitOfWork, item: Enter) -> Entered:
    staff = uow.staff.get(item.staff_uid)
    if staff is None or not staff.enabled or staff.password_hash != item.password_hash:
        raise NotAllowed(item.staff_uid)
    for key in item.throttle.limits():
        if key in (item.throttle.name, item.throttle.source):
            uow.staff.forgive(key)
        else:
            uow.staff.clear_failures(key)
    if uow.factors.of(staff.uid):
        uow.factors.begin_half(HalfSignIn(token_hash=item.token_hash, staff_uid=staff.uid, created_at=uow.now))
        return Entered(staff=staff, owed=True)
    _begin_session(uow, staff, item.token_hash, None)
    return Entered(staff=staff)


def confirmed(uow: UnitOfWork, items: Sequence[Confirmed]) -> list[None]:
    """Her password was right once more: forget the attempts."""
    for item in items:
        for key in item.throttle.limits():
            uow.staff.clear_failures(key)
    return [None] * len(items)


# --- the second step ---------------------------------------------------------------------------------------------------


def ask_second(uow: UnitOfWork, items: Sequence[AskSecond]) -> list[Second | None]:
    """What the second step of this half sign-in can be; None when it is over."""
    return [_ask_second(uow, item) for item in items]


def _ask_second(uow: UnitOfWork, item: AskSecond) -> Second | None:
    half = _living_half(uow, item.half_hash)
    if half is None:
        return None
    factors = uow.factors.of(half.staff_uid)
    keys = tuple(one.secret for one in factors if one.kind is FactorKind.KEY and one.secret)
    if keys:
        uow.factors.ask_key(item.half_hash, item.challenge)
    return Second(kinds=frozenset(one.kind for one in factors), keys=keys)


def prove(uow: UnitOfWork, items: Sequence[Prove]) -> list[Entered | Refused]:
    """Take the second step. A refusal is returned, not raised: its count must be committed."""
    return [_prove(uow, item) for item in items]


def _prove(uow: UnitOfWork, item: Prove) -> Entered | Refused:
    half = _living_half(uow, item.half_hash)
    staff = uow.staff.get(half.staff_uid) if half is not None else None
    if half is None or staff is None or not staff.enabled:
        return Refused.OVER
    key = f"second:{staff.uid}/{item.device_of(staff.name)}"
    if uow.staff.failures(key, uow.now - THROTTLE_WINDOW) >= SECOND_TRIES:
        return Refused.TOO_MANY
    uow.factors.note_try(half.token_hash)
    uow.staff.note_failure(key)
    proof = _proof(uow, staff, item)
    if proof is None:
        uow.set_setting(_tried_by(staff), half.token_hash)
        _audit(uow, staff.uid, SECOND_REFUSED, staff.uid)
        return Refused.WRONG
    uow.staff.clear_failures(key)
    uow.factors.end_half(half.token_hash)
    _begin_session(uow, staff, item.token_hash, proof)
    known = (
        uow.get_setting(_tried_by(staff)) or half.token_hash
    ) != half.token_hash  # her own slip in this sign-in is none
    uow.set_setting(_tried_by(staff), "")
    return Entered(staff=staff, password_known=known)


def _tried_by(staff: Staff) -> str:
    """Where it is kept which half sign-in has failed at the second step last, until she is told."""
    return f"second:{staff.uid}"


def _living_half(uow: UnitOfWork, token_hash: str) -> HalfSignIn | None:
    half = uow.factors.half(token_hash)
    if half is None or half.tries >= TRIES_PER_HALF or uow.now - half.created_at > HALF_LIVES:
        return None
    return half


def _proof(uow: UnitOfWork, staff: Staff, item: Prove) -> Proof | None:
    if item.key is not None:
        return Proof.KEY if _right_key(uow, staff.uid, item.half_hash, item.key) else None
    if is_totp(item.code):
        return Proof.TOTP if use_totp(uow, staff.uid, item.code) else None
    if uow.factors.spend_code(staff.uid, item.code):
        _audit(uow, staff.uid, CODE_USED, staff.uid)
        return Proof.CODE
    return None


def use_totp(uow: UnitOfWork, staff_uid: str, code: str) -> bool:
    """Is this the code of one of her apps, never used before? Then it is used up, with every older one."""
    for one in uow.factors.of(staff_uid):
        if one.kind is FactorKind.TOTP and one.secret:
            step = step_of(one.secret.decode(), code, uow.now)
            if step is not None:
                return uow.factors.use_step(one.uid, step)
    return False


def _right_key(uow: UnitOfWork, staff_uid: str, half_hash: str, answer: KeyAnswer) -> bool:
    challenge = uow.factors.take_challenge(half_hash, uow.now - HALF_LIVES)
    if challenge is None:
        return False
    for one in uow.factors.of(staff_uid):
        if one.kind is FactorKind.KEY and one.secret and one.credential == answer.credential:
            count = answer.check(one.secret, challenge)
            return count is not None and uow.factors.use_key(one.uid, count)
    return False


# --- sessions ----------------------------------------------------------------------------------------------------------


def _begin_session(uow: UnitOfWork, staff: Staff, token_hash: str, proof: Proof | None) -> None:
    uow.staff.sign_in(
        SignIn(token_hash=token_hash, staff_uid=staff.uid, created_at=uow.now, last_seen_at=uow.now, proof=proof)
    )
    detail = {"proof": proof.value} if proof else {}
    uow.audit.add(AuditEntry(actor=staff.uid, action=SIGNED_IN, object=staff.uid, detail=dict(detail)))


def _audit(uow: UnitOfWork, actor: str, action: str, subject: str) -> None:
    uow.audit.add(AuditEntry(actor=actor, action=action, object=subject))
