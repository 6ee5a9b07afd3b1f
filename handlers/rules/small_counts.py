"""Counts that may be published: where a group is so small that it could point at somebody, it is put together with others.

Counts of 1 to 4 are never shown (health statistics protect them; domain.md part 5), and neither is anything from which one could
work them out: a table's total is known, so a single hidden count would be what is missing to it. That is why small counts go
together into one row, and the next larger ones with them until the row says nothing about any single one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

LEAST: Final = 5
"""The smallest count that is shown."""
TIMES_FROM: Final = 10
"""Waiting times are given from so many cases on."""


@dataclass(frozen=True, slots=True)
class Shown:
    """One table as it may be published. `together`: the groups whose counts stand in `together_count` alone."""

    counts: tuple[tuple[str, int], ...]  # largest first
    together: tuple[str, ...] = ()
    together_count: int = 0

    @property
    def total(self) -> int:
        """The sum of everything."""
        return sum(count for _, count in self.counts) + self.together_count


def shown(counts: Mapping[str, int]) -> Shown | None:
    """What may be shown of these counts; None when nothing may (too few in all, or no way to put groups together).

    Which larger group joins the small ones is decided by the order of their names, never by its count: who knows this rule could
    otherwise tell that its count is the smallest of those shown.
    """
    known = {key: count for key, count in sorted(counts.items()) if count}
    small = {key: count for key, count in known.items() if count < LEAST}
    large = {key: count for key, count in known.items() if count >= LEAST}
    while small and not _says_nothing(list(small.values())):
        if not large:
            return None
        joins = next((key for key in large if key > min(small)), min(large))
        small[joins] = large.pop(joins)
    if not known:
        return None
    rest = sorted(large.items(), key=lambda pair: (-pair[1], pair[0]))
    return Shown(tuple(rest), tuple(sorted(small)), sum(small.values()))


def _says_nothing(small: list[int]) -> bool:
    """At least two groups, and neither so few cases that all must be ones nor so many that all must be fours."""
    total, groups = sum(small), len(small)
    most = total if any(count >= LEAST for count in small) else (LEAST - 2) * groups
    return groups >= 2 and max(LEAST, 2 * groups) <= total <= most


def middle_and_slow(values: list[int]) -> tuple[int, int] | None:
    """The median and the 90th percentile, or None for too few."""
    if len(values) < TIMES_FROM:
        return None
    ordered = sorted(values)
    return ordered[(len(ordered) - 1) // 2], ordered[min(len(ordered) - 1, (9 * len(ordered)) // 10)]
