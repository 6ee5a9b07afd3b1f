"""How many messages of a month's allowance are used, for platforms that count: a figure, kept over restarts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from handlers.operation import operation
from handlers.ports import UnitOfWork


@dataclass(frozen=True, slots=True)
class Count:
    """`used` more in this month ("YYYY-MM") under this name."""

    name: str
    month: str
    used: int = 0


@operation("writer")
def count(uow: UnitOfWork, items: Sequence[Count]) -> list[int]:
    """Add, and tell how many are used in that month; another month begins at nothing."""
    return [_count(uow, item) for item in items]


def _count(uow: UnitOfWork, item: Count) -> int:
    setting = f"quota:{item.name}"
    month, _, before = (uow.get_setting(setting) or "").partition(" ")
    used = (int(before) if month == item.month else 0) + item.used
    if item.used:
        uow.set_setting(setting, f"{item.month} {used}")
    return used
