"""A staff member's own account: enrolling and removing second factors, spare codes, her password, her other sessions.

Everything here is done by the person herself, inside a living session, after she has typed her password again (the edge
compares it; `password_hash` is the one that was compared). Whatever changes how she gets in ends her other sessions.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

from handlers.errors import BinhAnError, NotAllowed
from handlers.factors import CODES_AT_ONCE, Factor, FactorKind, Proof, new_code, step_of
from handlers.model import AuditEntry, SignIn, Staff, new_uid
from handlers.ports import UnitOfWork
from handlers.sessions import cut, end_pages, lives

MOST_FACTORS: Final = 8
CHALLENGE_LIVES: Final = timedelta(minutes=10)

# words of the audit log
FACTOR_ADDED: Final = "staff.factor_added"  # detail: its kind
FACTOR_REMOVED: Final = "staff.factor_removed"
CODES_MADE: Final = "staff.spare_codes_made"
PASSWORD_CHANGED: Final = "staff.password_changed"  # noqa: S105 (a word of the audit log)
OTHERS_ENDED: Final = "staff.other_sessions_ended"


class LastFactor(BinhAnError):
    """Her role needs a second factor, and this is her last one; add another one first."""

    code = "last-factor"


class TooManyFactors(BinhAnError):
    """So many second factors are enrolled already; remove one first."""

    code = "too-many-factors"


class KnownKey(BinhAnError):
    """This key is enrolled already."""

    code = "known-key"


@dataclass(frozen=True, slots=True, kw_only=True)
class Mine:
    """Who does it, from which session, after which password was compared."""

    staff_uid: str
    token_hash: str
    password_hash: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class AddTotp:
    """Enrol an app: `code` shows that it really has the seed. The session goes on as `new_token_hash`."""

    mine: Mine
    seed: str = field(repr=False)
    code: str = field(repr=False)
    new_token_hash: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AskNewKey:
    """A key is to be enrolled: what it has to sign."""

    mine: Mine
    challenge: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class NewKey:
    """A key's public part as the edge packs it, the hash of its id, and its counter."""

    secret: bytes = field(repr=False)
    credential: str
    sign_count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AddKey:
    """Enrol a key: `read` turns the challenge into the key when the answer is right, else into None."""

    mine: Mine
    read: Callable[[bytes], NewKey | None] = field(repr=False)
    new_token_hash: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Added:
    """Done. `codes`: the spare codes, shown this once; none when she has some already."""

    codes: tuple[str, ...] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoveFactor:
    """Take one away; `required`: her role must keep one."""

    mine: Mine
    factor_uid: str
    required: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class NewCodes:
    """New spare codes; the old ones stop working."""

    mine: Mine


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangePassword:
    """A new password of her own."""

    mine: Mine
    new_hash: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class EndOthers:
    """End all of her sessions but this one."""

    mine: Mine


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """What her own page shows."""

    factors: tuple[Factor, ...]
    codes_left: int
    sessions: tuple[SignIn, ...]


def account(uow: UnitOfWork, staff_uid: str) -> Account:
    """Her factors (without secrets), spare codes left, and living sessions; for `Door.read`."""
    return Account(
        factors=tuple(dataclasses.replace(one, secret=b"") for one in uow.factors.of(staff_uid)),
        codes_left=uow.factors.codes_left(staff_uid),
        sessions=tuple(one for one in uow.staff.sessions(staff_uid) if lives(one, uow.now)),
    )


@dataclass(frozen=True, slots=True)
class OwnAccount:
    """Operations of a staff member on her own account."""

    def add_totp(self, uow: UnitOfWork, items: Sequence[AddTotp]) -> list[Added | None]:
        """Enrol an app; None for a wrong code. NotAllowed, TooManyFactors."""
        return [self._add_totp(uow, item) for item in items]

    def ask_new_key(self, uow: UnitOfWork, items: Sequence[AskNewKey]) -> list[tuple[bytes, ...]]:
        """Ask for a key; the public parts of those she has, which are not to be enrolled twice. NotAllowed, TooManyFactors."""
        return [self._ask_new_key(uow, item) for item in items]

    def add_key(self, uow: UnitOfWork, items: Sequence[AddKey]) -> list[Added | None]:
        """Enrol a key; None for a wrong or late answer. NotAllowed, KnownKey, TooManyFactors."""
        return [self._add_key(uow, item) for item in items]

    def remove(self, uow: UnitOfWork, items: Sequence[RemoveFactor]) -> list[None]:
        """Take a factor away; with the last one the spare codes go. NotAllowed, LastFactor. Safe to repeat."""
        for item in items:
            self._remove(uow, item)
        return [None] * len(items)

    def new_codes(self, uow: UnitOfWork, items: Sequence[NewCodes]) -> list[tuple[str, ...]]:
        """New spare codes, shown this once. NotAllowed, also for whoever has no factor to spare."""
        return [self._new_codes(uow, item) for item in items]

    def change_password(self, uow: UnitOfWork, items: Sequence[ChangePassword]) -> list[None]:
        """Set her new password. NotAllowed when it was changed meanwhile."""
        for item in items:
            self._change_password(uow, item)
        return [None] * len(items)

    def end_others(self, uow: UnitOfWork, items: Sequence[EndOthers]) -> list[None]:
        """End all of her sessions but this one, and every account bound on a messenger: a phone is lost. NotAllowed."""
        for item in items:
            self._end_others(uow, item)
        return [None] * len(items)

    def _add_totp(self, uow: UnitOfWork, item: AddTotp) -> Added | None:
        staff = _herself(uow, item.mine)
        step = step_of(item.seed, item.code, uow.now)
        if step is None:
            return None
        factor = Factor(
            uid=new_uid(),
            staff_uid=staff.uid,
            kind=FactorKind.TOTP,
            secret=item.seed.encode(),
            last_step=step,  # the code she has just typed opens nothing any more
            created_at=uow.now,
        )
        return self._add(uow, staff, factor, item.mine.token_hash, item.new_token_hash)

    def _ask_new_key(self, uow: UnitOfWork, item: AskNewKey) -> tuple[bytes, ...]:
        staff = _herself(uow, item.mine)
        known = uow.factors.of(staff.uid)
        if len(known) >= MOST_FACTORS:
            raise TooManyFactors
        uow.factors.ask_key(item.mine.token_hash, item.challenge)
        return tuple(one.secret for one in known if one.kind is FactorKind.KEY and one.secret)

    def _add_key(self, uow: UnitOfWork, item: AddKey) -> Added | None:
        staff = _session_of(uow, item.mine)
        challenge = uow.factors.take_challenge(item.mine.token_hash, uow.now - CHALLENGE_LIVES)
        key = item.read(challenge) if challenge is not None else None
        if key is None:
            return None
        if any(one.credential == key.credential for one in uow.factors.of(staff.uid)):
            raise KnownKey
        factor = Factor(
            uid=new_uid(),
            staff_uid=staff.uid,
            kind=FactorKind.KEY,
            secret=key.secret,
            credential=key.credential,
            sign_count=key.sign_count,
            created_at=uow.now,
        )
        return self._add(uow, staff, factor, item.mine.token_hash, item.new_token_hash)

    def _add(self, uow: UnitOfWork, staff: Staff, factor: Factor, token_hash: str, new_token_hash: str) -> Added:
        known = uow.factors.of(staff.uid)
        if len(known) >= MOST_FACTORS:
            raise TooManyFactors
        uow.factors.add(factor)
        _audit(uow, staff, FACTOR_ADDED, {"kind": factor.kind.value})
        session = uow.staff.signed_in(token_hash)
        assert session is not None
        end_pages(uow, staff.uid, but=token_hash)
        uow.staff.sign_out(token_hash=token_hash)
        proof = Proof.KEY if factor.kind is FactorKind.KEY else Proof.TOTP
        uow.staff.sign_in(
            dataclasses.replace(session, token_hash=new_token_hash, last_seen_at=uow.now, proof=session.proof or proof)
        )
        return Added() if known else Added(codes=_make_codes(uow, staff))

    def _remove(self, uow: UnitOfWork, item: RemoveFactor) -> None:
        staff = _herself(uow, item.mine)
        known = uow.factors.of(staff.uid)
        if item.factor_uid not in {one.uid for one in known}:
            return
        if len(known) == 1:
            if item.required:
                raise LastFactor
            uow.factors.drop_codes(staff.uid)
        uow.factors.remove(item.factor_uid)
        end_pages(uow, staff.uid, but=item.mine.token_hash)
        _audit(uow, staff, FACTOR_REMOVED)

    def _new_codes(self, uow: UnitOfWork, item: NewCodes) -> tuple[str, ...]:
        staff = _herself(uow, item.mine)
        if not uow.factors.of(staff.uid):
            raise NotAllowed("no second factor")
        return _make_codes(uow, staff)

    def _change_password(self, uow: UnitOfWork, item: ChangePassword) -> None:
        staff = _herself(uow, item.mine)
        uow.staff.save(dataclasses.replace(staff, password_hash=item.new_hash))
        end_pages(uow, staff.uid, but=item.mine.token_hash)
        _audit(uow, staff, PASSWORD_CHANGED)

    def _end_others(self, uow: UnitOfWork, item: EndOthers) -> None:
        staff = _session_of(uow, item.mine)
        cut(uow, staff.uid, but=item.mine.token_hash)
        _audit(uow, staff, OTHERS_ENDED)


def _session_of(uow: UnitOfWork, mine: Mine) -> Staff:
    """The staff member whose living session this is; NotAllowed otherwise."""
    session = uow.staff.signed_in(mine.token_hash)
    staff = uow.staff.get(mine.staff_uid)
    if session is None or session.staff_uid != mine.staff_uid or not lives(session, uow.now):
        raise NotAllowed("session")
    if staff is None or not staff.enabled:
        raise NotAllowed("disabled")
    return staff


def _herself(uow: UnitOfWork, mine: Mine) -> Staff:
    """The same, after her password was compared with the one that still stands."""
    staff = _session_of(uow, mine)
    if not mine.password_hash or staff.password_hash != mine.password_hash:
        raise NotAllowed("password")
    return staff


def _make_codes(uow: UnitOfWork, staff: Staff) -> tuple[str, ...]:
    codes = tuple(new_code() for _ in range(CODES_AT_ONCE))
    uow.factors.drop_codes(staff.uid)
    uow.factors.add_codes(staff.uid, codes, staff.uid)
    _audit(uow, staff, CODES_MADE)
    return codes


def _audit(uow: UnitOfWork, staff: Staff, action: str, detail: dict[str, str] | None = None) -> None:
    uow.audit.add(AuditEntry(actor=staff.uid, action=action, object=staff.uid, detail=dict(detail or {})))
