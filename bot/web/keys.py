"""Staff's keys (WebAuthn) at the edge of the program: what the browser is asked, and whether its answer is right.

Who we are to a key is fixed: the host and the origin of `web.public_url` (or `localhost` on this machine, for the demo). A
browser gives keys only to a host with a name, so at a bare address like 127.0.0.1 none are offered. No statement about the make
of a key is asked for: it would tell which device somebody carries.
"""

from __future__ import annotations

import hashlib
import ipaddress
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from aiohttp import web
from fido2.server import Fido2Server
from fido2.utils import websafe_decode, websafe_encode
from fido2.webauthn import (
    AttestedCredentialData,
    AuthenticationResponse,
    PublicKeyCredentialDescriptor,
    PublicKeyCredentialRpEntity,
    PublicKeyCredentialType,
    PublicKeyCredentialUserEntity,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from bot.web.deps import WebDeps
from bot.web.guard import on_loopback
from handlers.model import Staff
from handlers.second_factors import NewKey
from handlers.signing_in import KeyAnswer

MAX_ANSWER_CHARS = 20_000
_VERIFICATION = UserVerificationRequirement.PREFERRED  # the password was asked already; a plain security key will do


@dataclass(frozen=True, slots=True)
class Party:
    """Who we are to a key."""

    host: str
    origin: str

    def server(self) -> Fido2Server:
        """The library's side of it."""
        return Fido2Server(PublicKeyCredentialRpEntity(id=self.host, name="Bình An"), verify_origin=self._is_ours)

    def _is_ours(self, origin: str) -> bool:
        return origin == self.origin


def party_of(request: web.Request, deps: WebDeps) -> Party | None:
    """Who we are to a key that answers this request; None where browsers give no keys."""
    host = urlsplit(deps.public_url).hostname or ""
    if deps.https:
        return None if _is_address(host) else Party(host, deps.origin)
    here = urlsplit(f"//{request.host}").hostname or ""
    return (
        Party("localhost", f"http://{request.host.lower()}") if here == "localhost" and on_loopback(request) else None
    )


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return not host
    return True


# --- enrolling ---------------------------------------------------------------------------------------------------------


def ask_new(party: Party, staff: Staff, known: Sequence[bytes], challenge: bytes) -> dict[str, Any]:
    """What the browser is asked to make: a key for this person, none of those she has."""
    someone = PublicKeyCredentialUserEntity(
        id=hashlib.sha256(staff.uid.encode()).digest(), name=staff.name, display_name=staff.name
    )
    options, _ = party.server().register_begin(
        someone,
        credentials=[_descriptor(one) for one in known],
        resident_key_requirement=ResidentKeyRequirement.DISCOURAGED,
        user_verification=_VERIFICATION,
        challenge=challenge,
    )
    return dict(options)


def read_new(party: Party, answer: str, challenge: bytes) -> NewKey | None:
    """The key that answers this challenge; None for any other answer."""
    told = _told(answer)
    if told is None:
        return None
    try:
        made = party.server().register_complete(_state(challenge), told)
    except Exception:  # whatever a page can send: the library raises many kinds
        return None
    data = made.credential_data
    if data is None:
        return None
    return NewKey(secret=bytes(data), credential=_name(data.credential_id), sign_count=made.counter)


# --- signing in --------------------------------------------------------------------------------------------------------


def ask(party: Party, known: Sequence[bytes], challenge: bytes) -> dict[str, Any]:
    """What the browser is asked to sign, with one of these keys."""
    options, _ = party.server().authenticate_begin(
        [_descriptor(one) for one in known], user_verification=_VERIFICATION, challenge=challenge
    )
    return dict(options)


def answer_of(party: Party, answer: str) -> KeyAnswer | None:
    """A key's answer, to be checked against what was asked of it; None when it is none at all."""
    told = _told(answer)
    if told is None:
        return None
    try:
        credential = websafe_decode(told["rawId"])
    except Exception:
        return None

    def check(secret: bytes, challenge: bytes) -> int | None:
        try:
            known = AttestedCredentialData(secret)
            party.server().authenticate_complete(_state(challenge), [known], told)
            return AuthenticationResponse.from_dict(told).response.authenticator_data.counter
        except Exception:  # whatever a page can send
            return None

    return KeyAnswer(credential=_name(credential), check=check)


def _told(answer: str) -> Mapping[str, Any] | None:
    if len(answer) > MAX_ANSWER_CHARS:
        return None
    try:
        told = json.loads(answer)
    except (ValueError, RecursionError):
        return None
    return told if isinstance(told, dict) else None


def _state(challenge: bytes) -> dict[str, Any]:
    return {"challenge": websafe_encode(challenge), "user_verification": _VERIFICATION}


def _descriptor(secret: bytes) -> PublicKeyCredentialDescriptor:
    credential = AttestedCredentialData(secret).credential_id
    return PublicKeyCredentialDescriptor(type=PublicKeyCredentialType.PUBLIC_KEY, id=credential)


def _name(credential_id: bytes) -> str:
    return hashlib.sha256(credential_id).hexdigest()
