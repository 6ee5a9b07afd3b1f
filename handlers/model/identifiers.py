"""Identifiers of records: random, and in the order in which rows are made."""

from __future__ import annotations

from time import time

from handlers.chance import chance

_VARIANT = {digit: "89ab"[int(digit, 16) % 4] for digit in "0123456789abcdef"}


def new_uid() -> str:
    """A fresh identifier, 32 hex digits: the hour in the first 20 bits, 102 random bits, version 8 of RFC 9562.

    Rows of one hour stand together in every index, so that a commit touches as few pages with a million conversations stored as
    with a thousand. It is never a secret, and tells no more than the row's own times.
    """
    digits = chance().hex()
    hour = int(time()) // 3600 & 0xFFFFF
    return f"{hour:05x}{digits[5:12]}8{digits[13:16]}{_VARIANT[digits[16]]}{digits[17:]}"


def new_row_uid() -> str:
    """An identifier like those of `new_uid`, with the millisecond in the next 24 bits and 78 random ones. Only for rows that say
    themselves when they were made, as long as they live: messages, lines, what goes out.

    Rows of one commit stand together in every index: of the pages that a commit wrote, more than a third were leaves of an index
    with one new row each.
    """
    digits = chance().hex()
    hours, milliseconds = divmod(int(time() * 1000), 3_600_000)
    return f"{hours & 0xFFFFF:05x}{milliseconds:06x}{digits[11]}8{digits[13:16]}{_VARIANT[digits[16]]}{digits[17:]}"
