"""Unpredictable bytes, fetched from the system for many at once: on the message path a call for each is dearer than a seal."""

from __future__ import annotations

import os

SIZE = 16
_AT_ONCE = 256

_kept: list[bytes] = []
os.register_at_fork(after_in_child=_kept.clear)  # no two processes may hand out the same bytes


def chance() -> bytes:
    """16 bytes of the system's randomness, handed out once; safe from every thread (taking from a list is one step)."""
    try:
        return _kept.pop()
    except IndexError:
        block = os.urandom(SIZE * _AT_ONCE)
        fresh = [block[at : at + SIZE] for at in range(0, len(block), SIZE)]
        mine = fresh.pop()
        _kept.extend(fresh)
        return mine
