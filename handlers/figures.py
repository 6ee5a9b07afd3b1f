"""The figures of a year, from facts alone: what is left when everything about people is gone. Practice never counts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

from handlers.model import Fact
from handlers.rules.small_counts import LEAST, Shown, middle_and_slow, shown

TABLES: Final[dict[str, Callable[[Fact], str]]] = {
    "month": lambda fact: fact.month,
    "severity": lambda fact: fact.severity.value,
    "category": lambda fact: fact.category,
    "about": lambda fact: fact.about,
    "age_band": lambda fact: fact.age_band,
    "commune": lambda fact: fact.commune,
    "channel": lambda fact: fact.channel,
    "asked_for_person": lambda fact: "yes" if fact.asked_for_person else "no",
    "disposition": lambda fact: fact.disposition.value,
}
"""One column each: tables of two columns would nearly all be of small counts (38 communes)."""
UNNAMED: Final = frozenset({"commune"})
"""Groups of these tables that are put together are not even named: that somebody wrote from there is what must not be seen."""
TIMES: Final[dict[str, Callable[[Fact], int | None]]] = {
    "first_page_s": lambda fact: fact.first_page_s,
    "claim_s": lambda fact: fact.claim_s,
    "first_reply_s": lambda fact: fact.first_reply_s,
}


@dataclass(frozen=True, slots=True)
class Figures:
    """One year. `total` None: too few to say anything. `until`: the last month that counts, "" for none."""

    year: int
    until: str
    total: int | None
    tables: tuple[tuple[str, Shown | None], ...]
    times: tuple[tuple[str, tuple[int, int] | None], ...]


def figures(facts: Iterable[Fact], year: int, this_month: str) -> Figures:
    """The figures of `year`. Only months that are over count (`this_month` is YYYY-MM): otherwise two reports of two days would
    tell who came in between.
    """
    counted = [one for one in facts if not one.practice and one.month[:4] == f"{year:04}" and one.month < this_month]
    until = min(f"{year:04}-12", _before(this_month)) if this_month > f"{year:04}-01" else ""
    enough = len(counted) >= LEAST
    tables = tuple((name, shown(Counter(map(key, counted))) if enough else None) for name, key in TABLES.items())
    times = tuple(
        (name, middle_and_slow([at for one in counted if (at := of(one)) is not None])) for name, of in TIMES.items()
    )
    return Figures(year, until, len(counted) if enough else None, tables, times)


def _before(month: str) -> str:
    year, number = int(month[:4]), int(month[5:])
    return f"{year:04}-{number - 1:02}" if number > 1 else f"{year - 1:04}-12"
