"""The formats on the disk are those written down: known answers from a file, made with the primitives alone."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from handlers.model import Address
from storage import crypto
from storage.crypto import STEP, Unreadable, code_hash, lookup_of, place, seal, unseal, unwrap, wrap

KNOWN: dict[str, Any] = json.loads((Path(__file__).parents[2] / "data" / "seal_vectors.json").read_text())
fields = pytest.mark.parametrize("known", KNOWN["fields"], ids=[one["name"] for one in KNOWN["fields"]])
wraps = pytest.mark.parametrize("known", KNOWN["wraps"])
HEAD = 1 + 16 + 12


def parts(known: dict[str, str]) -> tuple[AESGCM, bytes, bytes]:
    return AESGCM(bytes.fromhex(known["key"])), bytes.fromhex(known["sealed"]), known["where"].encode()


def test_the_cipher_is_the_one_of_the_specification() -> None:
    for known in KNOWN["gcm"]:
        nonce, plain, aad = (bytes.fromhex(known[name]) for name in ("nonce", "plain", "aad"))
        assert AESGCM(bytes.fromhex(known["key"])).encrypt(nonce, plain, aad).hex() == known["sealed"]


@fields
def test_a_known_field_opens_and_is_sealed_the_same(known: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    key, sealed, where = parts(known)
    assert place(known["table"], known["field"], known["row"], known["owner"]) == where
    assert unseal(key, known["owner"], sealed, where) == bytes.fromhex(known["plain"])
    monkeypatch.setattr(crypto, "chance", lambda: bytes.fromhex(known["nonce"]) + bytes(20))
    assert seal(key, known["owner"], bytes.fromhex(known["plain"]), where) == sealed


@fields
def test_lengths_are_hidden_in_steps(known: dict[str, str]) -> None:
    sealed = bytes.fromhex(known["sealed"])
    padded = len(sealed) - HEAD - 16
    assert padded % STEP == 0
    assert padded - STEP < len(bytes.fromhex(known["plain"])) + 4 <= padded


@fields
def test_no_truncated_or_lengthened_field_opens(known: dict[str, str]) -> None:
    key, sealed, where = parts(known)
    wrong = [sealed[:size] for size in range(0, len(sealed), 7)]
    wrong += [sealed[1:], sealed[:-1], sealed + b"\x00", sealed[:HEAD] + sealed[HEAD + STEP :], sealed + sealed]
    for one in wrong:
        with pytest.raises(Unreadable):
            unseal(key, known["owner"], one, where)


@fields
def test_no_corrupted_field_opens(known: dict[str, str]) -> None:
    key, sealed, where = parts(known)
    for at in [*range(HEAD), *range(HEAD, len(sealed), 13), len(sealed) - 1]:
        spoilt = bytearray(sealed)
        spoilt[at] ^= 0x80
        with pytest.raises(Unreadable):
            unseal(key, known["owner"], bytes(spoilt), where)


@pytest.mark.parametrize("version", [0, 2, 255])
def test_a_format_that_is_not_known_is_refused(version: int) -> None:
    key, sealed, where = parts(KNOWN["fields"][1])
    with pytest.raises(Unreadable):
        unseal(key, KNOWN["fields"][1]["owner"], bytes((version,)) + sealed[1:], where)


@wraps
def test_a_known_data_key_unwraps_and_only_as_itself(known: dict[str, str]) -> None:
    kek, wrapped = AESGCM(bytes.fromhex(known["kek"])), bytes.fromhex(known["wrapped"])
    names = (known["kek_id"], known["kind"], known["owner"])
    assert unwrap(kek, *names, wrapped).hex() == known["key"]
    again = wrap(kek, *names, bytes.fromhex(known["key"]))
    assert (len(again), unwrap(kek, *names, again).hex()) == (len(wrapped), known["key"])
    for at in range(len(wrapped)):
        spoilt = bytearray(wrapped)
        spoilt[at] ^= 1
        for one in (bytes(spoilt), wrapped[:at]):
            with pytest.raises(Unreadable):
                unwrap(kek, *names, one)


def test_lookups_and_return_codes_are_the_known_ones() -> None:
    for known in KNOWN["lookups"]:
        found = lookup_of(bytes.fromhex(known["pepper"]), Address(known["channel"], known["platform_id"]))
        assert found == known["lookup"]
    for known in KNOWN["codes"]:
        assert code_hash(bytes.fromhex(known["pepper"]), known["code"]).hex() == known["hash"]
