"""Second factors on SQL: every secret sealed under a key of its own; spare codes only as keyed hashes; half sign-ins."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import bindparam, delete, func, insert, or_, select, update

from handlers.factors import Factor, FactorKind, HalfSignIn
from storage.crypto import spare_code_hash
from storage.records import Mapping
from storage.registers import key_removals
from storage.staff_tables import factors, half_sign_ins, key_challenges, spare_codes

if TYPE_CHECKING:
    from storage.uow import SqlUnitOfWork

HALVES_KEPT = timedelta(hours=1)

_rows = Mapping(factors, Factor)
_halves = Mapping(half_sign_ins, HalfSignIn)
_OF = (
    select(*_rows.columns, factors.c.secret_sealed)
    .where(factors.c.staff_uid == bindparam("staff_uid"))
    .order_by(factors.c.id)
)
_KINDS = select(factors.c.staff_uid, factors.c.kind).order_by(factors.c.id)
_USE_STEP = (
    update(factors)
    .where(factors.c.uid == bindparam("b_uid"), factors.c.last_step < bindparam("step"))
    .values(last_step=bindparam("step"), last_used_at=bindparam("at"))
)
_USE_KEY = (
    update(factors)
    .where(
        factors.c.uid == bindparam("b_uid"),
        # A key that counts must count on; one that does not count says 0 for ever.
        or_(factors.c.sign_count < bindparam("count"), (factors.c.sign_count == 0) & (bindparam("count") == 0)),
    )
    .values(sign_count=bindparam("count"), last_used_at=bindparam("at"))
)
_REMOVE = delete(factors).where(factors.c.uid == bindparam("b_uid"))
_REMOVE_KEY = insert(key_removals)
_ADD_CODE = insert(spare_codes)
_DROP_CODES = delete(spare_codes).where(spare_codes.c.staff_uid == bindparam("b_staff"))
_SWEEP_CODES = delete(spare_codes).where(spare_codes.c.expires_at <= bindparam("now"))
_SPEND = delete(spare_codes).where(
    spare_codes.c.code_hash == bindparam("b_hash"),
    spare_codes.c.staff_uid == bindparam("b_staff"),
    or_(spare_codes.c.expires_at.is_(None), spare_codes.c.expires_at > bindparam("now")),
)
_LEFT = (
    select(func.count())
    .select_from(spare_codes)
    .where(spare_codes.c.staff_uid == bindparam("staff_uid"), spare_codes.c.expires_at.is_(None))
)
_BEGIN = insert(half_sign_ins)
_SWEEP_HALVES = delete(half_sign_ins).where(half_sign_ins.c.created_at < bindparam("before"))
_HALF = select(*_halves.columns).where(half_sign_ins.c.token_hash == bindparam("token_hash"))
_TRIED = (
    update(half_sign_ins)
    .where(half_sign_ins.c.token_hash == bindparam("b_token"))
    .values(tries=half_sign_ins.c.tries + 1)
)
_END_HALF = delete(half_sign_ins).where(half_sign_ins.c.token_hash == bindparam("b_token"))
_ASK = insert(key_challenges)
_SWEEP_ASKED = delete(key_challenges).where(key_challenges.c.created_at < bindparam("before"))
_ASKED = select(key_challenges.c.challenge, key_challenges.c.created_at).where(
    key_challenges.c.token_hash == bindparam("token_hash")
)
_ASKED_NO_MORE = delete(key_challenges).where(key_challenges.c.token_hash == bindparam("b_token"))


class Factors:
    """`handlers.ports.FactorStore` on SQL."""

    def __init__(self, uow: SqlUnitOfWork) -> None:
        self._uow = uow

    def of(self, staff_uid: str) -> list[Factor]:
        """The factors of a staff member, oldest first. One whose key is gone comes without its secret: still owed."""
        found = self._uow.execute(_OF, {"staff_uid": staff_uid}).all()
        self._uow.keys.load(row.uid for row in found)
        return [_rows.record(row, secret=self._open(row.uid, row.secret_sealed)) for row in found]

    def kinds(self) -> dict[str, list[FactorKind]]:
        """Staff uid -> the kinds she has, of everybody who has one; opens nothing."""
        kinds: defaultdict[str, list[FactorKind]] = defaultdict(list)
        for staff_uid, kind in self._uow.execute(_KINDS):
            kinds[staff_uid].append(kind)
        return dict(kinds)

    def add(self, factor: Factor) -> None:
        """A new one, under a new key."""
        self._uow.keys.make("factor", factor.uid)
        sealed = self._uow.keys.seal("factors", "secret", factor.uid, factor.uid, factor.secret)
        self._uow.execute(_rows.insert, _rows.values(factor) | {"secret_sealed": sealed})

    def use_step(self, uid: str, step: int) -> bool:
        """Use up this step and all before it; False when it was used already, by whomever."""
        used = self._uow.execute(_USE_STEP, {"b_uid": uid, "step": step, "at": self._uow.now})
        return used.rowcount == 1

    def use_key(self, uid: str, sign_count: int) -> bool:
        """Note the key's counter; False when it has not grown, as that of a copied key."""
        return self._uow.execute(_USE_KEY, {"b_uid": uid, "count": sign_count, "at": self._uow.now}).rowcount == 1

    def remove(self, uid: str) -> None:
        """Take a factor away and destroy its key."""
        if self._uow.execute(_REMOVE, {"b_uid": uid}).rowcount:
            self._uow.execute(_REMOVE_KEY, {"uid": uid, "removed_at": self._uow.now})
            self._uow.keys.removed.append(uid)

    def add_codes(self, staff_uid: str, codes: Sequence[str], made_by: str, expires_at: datetime | None = None) -> None:
        """Spare codes that work once each."""
        pepper = self._uow.peppers.settle()
        for code in codes:
            hashed = spare_code_hash(self._uow.peppers.get(pepper), staff_uid, code)
            made = {"pepper": pepper, "made_by": made_by, "created_at": self._uow.now, "expires_at": expires_at}
            self._uow.execute(_ADD_CODE, {"code_hash": hashed, "staff_uid": staff_uid, **made})

    def drop_codes(self, staff_uid: str) -> None:
        """None of hers works any more."""
        self._uow.execute(_DROP_CODES, {"b_staff": staff_uid})

    def spend_code(self, staff_uid: str, code: str) -> bool:
        """Use one up; False when it is none of hers, was used or has run out."""
        self._uow.execute(_SWEEP_CODES, {"now": self._uow.now})
        return self._uow.peppers.look(lambda: self._spend(staff_uid, code))

    def _spend(self, staff_uid: str, code: str) -> bool:
        for name in self._uow.peppers.names:
            hashed = spare_code_hash(self._uow.peppers.get(name), staff_uid, code)
            spent = self._uow.execute(_SPEND, {"b_hash": hashed, "b_staff": staff_uid, "now": self._uow.now})
            if spent.rowcount == 1:
                return True
        return False

    def codes_left(self, staff_uid: str) -> int:
        """How many of her own spare codes still work."""
        return int(self._uow.execute(_LEFT, {"staff_uid": staff_uid}).scalar())

    def begin_half(self, half: HalfSignIn) -> None:
        """The password was right; old ones are swept."""
        self._uow.execute(_SWEEP_HALVES, {"before": self._uow.now - HALVES_KEPT})
        self._uow.execute(_BEGIN, _halves.values(half))

    def half(self, token_hash: str) -> HalfSignIn | None:
        """This half sign-in, whatever its age. Whoever may change it has it alone."""
        self._uow.lock_name(f"half:{token_hash}")
        row = self._uow.execute(_HALF, {"token_hash": token_hash}).first()
        return None if row is None else _halves.record(row)

    def note_try(self, token_hash: str) -> None:
        """One more try of the second step."""
        self._uow.execute(_TRIED, {"b_token": token_hash})

    def end_half(self, token_hash: str) -> None:
        """It is over, whether it led to a session or not."""
        self._uow.execute(_END_HALF, {"b_token": token_hash})

    def ask_key(self, token_hash: str, challenge: bytes) -> None:
        """What a key has to sign for this session or half sign-in; an older one is void."""
        self._uow.execute(_SWEEP_ASKED, {"before": self._uow.now - HALVES_KEPT})
        self._uow.lock_name(f"challenge:{token_hash}")
        self._uow.execute(_ASKED_NO_MORE, {"b_token": token_hash})
        self._uow.execute(_ASK, {"token_hash": token_hash, "challenge": challenge, "created_at": self._uow.now})

    def take_challenge(self, token_hash: str, since: datetime) -> bytes | None:
        """What was asked since then, once: afterwards nothing is asked any more."""
        self._uow.lock_name(f"challenge:{token_hash}")
        row = self._uow.execute(_ASKED, {"token_hash": token_hash}).first()
        self._uow.execute(_ASKED_NO_MORE, {"b_token": token_hash})
        return None if row is None or row.created_at < since else bytes(row.challenge)

    def _open(self, uid: str, sealed: Any) -> bytes:
        return self._uow.keys.try_unseal("factors", "secret", uid, uid, sealed) or b""
