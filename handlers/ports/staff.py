"""Staff: who they are, how they sign in and are reached, and what they did."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from handlers.audit_heads import AuditMark, SignedHead
from handlers.audit_log import AuditBreak, AuditRow
from handlers.factors import Factor, FactorKind, HalfSignIn
from handlers.model import (
    Address,
    AuditEntry,
    SignIn,
    Staff,
)


class StaffStore(Protocol):
    """Staff, their sign-ins and throttles."""

    def all(self) -> list[Staff]:
        """Everybody, enabled or not, by name."""

    def get(self, uid: str) -> Staff | None:
        """By uid."""

    def by_name(self, name: str) -> Staff | None:
        """By sign-in name (case-insensitive)."""

    def save(self, staff: Staff) -> None:
        """Add or overwrite."""

    def sign_in(self, session: SignIn) -> None:
        """Add or touch a staff session."""

    def signed_in(self, token_hash: str) -> SignIn | None:
        """The staff session of this token hash, whatever its age."""

    def sessions(self, staff_uid: str) -> list[SignIn]:
        """Her sessions, whatever their age, the one seen last first."""

    def sign_out(self, *, token_hash: str = "", staff_uid: str = "", but: str = "") -> None:
        """End one session, or all of a staff member `but` one, with whatever she has half begun."""

    def failures(self, key: str, since: datetime) -> int:
        """Failed attempts under `key` (an account, a hashed address prefix, a return-code lane) since then."""

    def note_failure(self, key: str) -> None:
        """One more failed attempt now."""

    def clear_failures(self, key: str) -> None:
        """Forget them (a success)."""

    def forgive(self, key: str) -> None:
        """Take back the attempt counted last under `key` (it was a success)."""

    def forget_failures(self, start: str) -> None:
        """Forget those under every key that begins so."""


class FactorStore(Protocol):
    """Second factors of staff, their spare codes, and sign-ins that still owe the second step."""

    def of(self, staff_uid: str) -> list[Factor]:
        """The factors of a staff member, oldest first; one that cannot be opened any more comes with an empty secret."""

    def kinds(self) -> dict[str, list[FactorKind]]:
        """Staff uid -> the kinds she has, of everybody who has one."""

    def add(self, factor: Factor) -> None:
        """A new one."""

    def use_step(self, uid: str, step: int) -> bool:
        """Use up this step and all before it; False when it was used already, by whomever."""

    def use_key(self, uid: str, sign_count: int) -> bool:
        """Note the key's counter; False when it has not grown, as that of a copied key."""

    def remove(self, uid: str) -> None:
        """Take a factor away and destroy its key. Safe to repeat."""

    def add_codes(self, staff_uid: str, codes: Sequence[str], made_by: str, expires_at: datetime | None = None) -> None:
        """Spare codes that work once each, until `expires_at`; kept only as keyed hashes."""

    def drop_codes(self, staff_uid: str) -> None:
        """None of hers works any more."""

    def spend_code(self, staff_uid: str, code: str) -> bool:
        """Use one up; False when it is none of hers, was used or has run out."""

    def codes_left(self, staff_uid: str) -> int:
        """How many of her own spare codes still work."""

    def begin_half(self, half: HalfSignIn) -> None:
        """The password was right, the second step is owed."""

    def half(self, token_hash: str) -> HalfSignIn | None:
        """This half sign-in, whatever its age."""

    def note_try(self, token_hash: str) -> None:
        """One more try of the second step."""

    def end_half(self, token_hash: str) -> None:
        """It is over."""

    def ask_key(self, token_hash: str, challenge: bytes) -> None:
        """What a key has to sign for this session or half sign-in; an older one is void."""

    def take_challenge(self, token_hash: str, since: datetime) -> bytes | None:
        """What was asked since then, once."""


class AccountStore(Protocol):
    """Staff's own accounts on platforms: where they are called, and who it is that presses a button there."""

    def offer(self, code: str, staff_uid: str, until: datetime) -> None:
        """This one-time code binds an account to the staff member until then; an older code of hers stops working."""

    def bind(self, code: str, address: Address) -> str | None:
        """Spend the code: the account is hers from now on (an older one of hers on this channel, and whoever had this account
        before, are let go). The staff uid; None when the code is unknown, spent or too old.
        """

    def staff_at(self, address: Address) -> str | None:
        """The staff uid this account belongs to, or None."""

    def address_of(self, staff_uid: str, channel: str) -> Address | None:
        """Her account on this channel, or None."""

    def of(self, staff_uid: str) -> list[str]:
        """The channels on which she has an account."""

    def unbind(self, staff_uid: str, channel: str = "") -> int:
        """Let her accounts go (on every channel when none is named); how many."""


class AuditStore(Protocol):
    """The append-only, hash-chained log."""

    def add(self, entry: AuditEntry) -> None:
        """Append; sequence, time and chain are set at the end of the unit of work, inside the same commit."""

    def chain(self) -> AuditMark:
        """Chain what was added so far, and give the newest row; nobody else adds one before this unit of work ends."""

    def verify(self) -> int | None:
        """The first sequence number whose chain does not hold, or None when all holds."""

    def beginning(self) -> AuditMark:
        """Before the first row: number 0, or the signed head up to which rows have been removed."""

    def head(self) -> AuditMark:
        """The newest row, as the log itself notes it."""

    def follow(self, mark: AuditMark, limit: int) -> AuditMark | AuditBreak:
        """From a row whose hash is known over at most `limit` rows: the last of them (`mark` itself when there are none), or
        the first that does not hold.
        """

    def rows(self, after: int, limit: int) -> list[AuditRow]:
        """At most `limit` rows behind the one with this number, oldest first, whether the chain holds or not."""

    def hash_at(self, seq: int) -> bytes | None:
        """The hash that stands in this row, or None when there is no such row."""

    def signed(self, *, hold: bool = False) -> list[SignedHead]:
        """Every signed head, oldest first. `hold`: nobody else signs before this unit of work ends. One that was damaged so that
        it cannot be read is among them, and does not hold.
        """

    def add_signed(self, head: SignedHead) -> None:
        """Keep a signed head; its row must not have one yet."""

    def cut(self, upto: SignedHead) -> int:
        """Remove every row up to and including this signed head, which stays as the beginning; how many. Older signed heads
        go, too.
        """
