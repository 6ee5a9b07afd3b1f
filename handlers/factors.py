"""Second factors of staff as records, and the checks that need nothing but them: a code's step, the shape of what is typed.

Two kinds: a code that an authenticator app shows (TOTP, RFC 6238, 30 s, six digits), and a key (WebAuthn: a security key, or the
phone's or computer's own lock). Beside them spare codes: ten to write down, or one that a supervisor reads out at night.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

import pyotp
from pyotp.exceptions import OTPVerificationError

STEP_S: Final = 30
STEPS_AROUND: Final = 1
"""A phone's clock may be off by one step: the code before and the code after are taken, too."""
CODES_AT_ONCE: Final = 10
CODE_DIGITS: Final = 10
HELP_CODE_LIVES: Final = timedelta(hours=12)
"""A code that a supervisor has read out works for one shift, once."""


class FactorKind(StrEnum):
    """What proves that it is she, beside the password."""

    TOTP = "totp"
    KEY = "key"


class Proof(StrEnum):
    """What a session was begun with beside the password; a session without one was begun with the password alone."""

    TOTP = "totp"
    KEY = "key"
    CODE = "code"  # a spare code, or one a supervisor gave


@dataclass(frozen=True, slots=True, kw_only=True)
class Factor:
    """One second factor. `secret` is sealed under a key of its own, which is destroyed with it."""

    uid: str
    staff_uid: str
    kind: FactorKind
    secret: bytes = field(repr=False)  # TOTP: the seed in base32; key: its public part as the library packs it
    credential: str = ""  # key: SHA-256 of its id, hex; the id itself is inside `secret`
    last_step: int = 0  # TOTP: the newest step that was used; no step up to it is ever taken again
    sign_count: int = 0  # key: its own counter as last told, 0 for those that do not count
    created_at: datetime
    last_used_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class HalfSignIn:
    """The password was right, the second factor is still owed. Never a session: nothing but the second step takes it."""

    token_hash: str
    staff_uid: str
    created_at: datetime
    tries: int = 0


KeyCheck = Callable[[bytes, bytes], int | None]
"""(secret of the factor, challenge) -> the key's counter when its answer is right, None when it is not. Given by the edge, which
knows the protocol."""


def new_seed() -> str:
    """A TOTP seed: 160 random bits in base32."""
    return pyotp.random_base32()


def step_of(seed: str, code: str, now: datetime) -> int | None:
    """The step this code belongs to at `now`, or one around it; None for a wrong code; used or not."""
    if not is_totp(code):
        return None
    try:
        return pyotp.TOTP(seed).verify_and_get_timecode(code, for_time=now, valid_window=STEPS_AROUND)
    except OTPVerificationError:
        return None


def address_of(seed: str, name: str, issuer: str) -> str:
    """What an authenticator app reads from the picture (`otpauth://`)."""
    return pyotp.TOTP(seed).provisioning_uri(name=name, issuer_name=issuer)


def typed(text: str) -> str:
    """The digits of a typed code, however they are spaced."""
    return "".join(char for char in text[:40] if char.isascii() and char.isdigit())


def is_totp(code: str) -> bool:
    """Has it the shape of an app's code?"""
    return len(code) == 6 and code.isascii() and code.isdigit()


def new_code() -> str:
    """A spare code: ten random digits (33 bits), easy to read out; the tries are counted."""
    return "".join(secrets.choice("0123456789") for _ in range(CODE_DIGITS))


def spaced(code: str) -> str:
    """A spare code as people read it: "12345 67890"."""
    return f"{code[:5]} {code[5:]}"
