"""A sealed field opens only where it was sealed, and says nothing when it does not."""

from __future__ import annotations

import os

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import given
from hypothesis import strategies as st

from handlers.model import Address, new_uid
from storage.crypto import Unreadable, code_hash, lookup_of, place, seal, unseal, unwrap, wrap

OWNER, ROW = new_uid(), new_uid()
KEY = AESGCM(os.urandom(32))
WHERE = place("lines", "body", ROW, OWNER)


@given(st.binary(max_size=2000))
def test_what_was_sealed_opens(plain: bytes) -> None:
    assert unseal(KEY, OWNER, seal(KEY, OWNER, plain, WHERE), WHERE) == plain


@given(st.integers(0, 252), st.integers(0, 252))
def test_the_length_of_short_texts_is_hidden(one: int, two: int) -> None:
    assert len(seal(KEY, OWNER, b"x" * one, WHERE)) == len(seal(KEY, OWNER, b"x" * two, WHERE))


def test_two_seals_of_one_text_differ() -> None:
    assert seal(KEY, OWNER, b"x", WHERE) != seal(KEY, OWNER, b"x", WHERE)


@pytest.mark.parametrize(
    "where",
    [
        place("notes", "body", ROW, OWNER),
        place("lines", "text", ROW, OWNER),
        place("lines", "body", new_uid(), OWNER),
        place("lines", "body", ROW, new_uid()),
    ],
    ids=["another table", "another column", "another row", "another owner"],
)
def test_a_ciphertext_moved_elsewhere_does_not_open(where: bytes) -> None:
    with pytest.raises(Unreadable):
        unseal(KEY, OWNER, seal(KEY, OWNER, b"x", WHERE), where)


@given(st.data())
def test_any_changed_byte_is_noticed(data: st.DataObject) -> None:
    sealed = bytearray(seal(KEY, OWNER, b"secret", WHERE))
    sealed[data.draw(st.integers(0, len(sealed) - 1))] ^= data.draw(st.integers(1, 255))
    with pytest.raises(Unreadable) as caught:
        unseal(KEY, OWNER, bytes(sealed), WHERE)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("size", [0, 1, 28, 29, 200])
def test_a_short_ciphertext_does_not_open(size: int) -> None:
    with pytest.raises(Unreadable):
        unseal(KEY, OWNER, seal(KEY, OWNER, b"x", WHERE)[:size], WHERE)


def test_another_key_does_not_open() -> None:
    with pytest.raises(Unreadable):
        unseal(AESGCM(os.urandom(32)), OWNER, seal(KEY, OWNER, b"x", WHERE), WHERE)


def test_a_wrapped_key_belongs_to_its_owner_kind_and_wrapper() -> None:
    kek, key = AESGCM(os.urandom(32)), os.urandom(32)
    wrapped = wrap(kek, "kek_1", "case", OWNER, key)
    assert unwrap(kek, "kek_1", "case", OWNER, wrapped) == key
    for kek_id, kind, owner in (("kek_2", "case", OWNER), ("kek_1", "contact", OWNER), ("kek_1", "case", new_uid())):
        with pytest.raises(Unreadable):
            unwrap(kek, kek_id, kind, owner, wrapped)


def test_hashes_depend_on_pepper_channel_and_purpose() -> None:
    one, two = os.urandom(32), os.urandom(32)
    hashes = {
        lookup_of(one, Address("web", "1")),
        lookup_of(two, Address("web", "1")),
        lookup_of(one, Address("telegram", "1")),
        lookup_of(one, Address("web", "2")),
        code_hash(one, "web|1").hex(),
        code_hash(two, "web|1").hex(),
    }
    assert len(hashes) == 6
    assert lookup_of(one, Address("web", "1")) == lookup_of(one, Address("web", "1"))
