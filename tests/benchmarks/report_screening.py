"""How good the screening is: recall and false alarms per spelling, on what it was made with and on what it never saw.

Run: `python tests/benchmarks/report_screening.py [FILE]`. Figures only, never a message: whoever writes patterns must not look at
the held-out parts, nor at a new set. FILE: such a set, in its four spellings (a column `variant` beside those of the others).
To list what is missed in the development set: `python -m bot triage --report --list --examples tests/data/screening_dev.csv`.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from handlers.rules.reading.variants import VARIANTS
from handlers.rules.screening import Screening
from tests.unit.handlers.screening_sample import (
    ENGLISH,
    TYPED,
    UNSEEN,
    Score,
    messages,
    score,
    score_typed,
    shipped,
    spelled,
)

HEADS = ("set", "spelling", "messages", "emergencies found", "lost", "urgent lost", "urgent raised", "calm alarms",
         "hard alarms", "probes", "level", "category")  # fmt: skip


def scores_of_file(screening: Screening, name: str, file: Path) -> Iterator[tuple[str, str, Score]]:
    """A set that comes in its spellings."""
    for variant, typed in spelled(file).items():
        yield name, variant, score_typed(screening, ((one, one.text) for one in typed))


def scores(screening: Screening) -> Iterator[tuple[str, str, Score]]:
    """Each set in each spelling."""
    everything = messages()
    for name, held_out in (("tuning", False), ("held out", True)):
        part = [message for message in everything if message.held_out == held_out]
        for variant in VARIANTS:
            yield name, variant, score(screening, part, variant)
    for name, held_out in (("english", False), ("held out", True)):
        part = [(one, one.text) for one in messages(ENGLISH) if one.held_out == held_out]
        yield name, "english", score_typed(screening, part)
    yield from scores_of_file(screening, "unseen", UNSEEN)
    for name, file in TYPED.items():
        yield from scores_of_file(screening, name, file)


def share(part: int, whole: int) -> str:
    return f"{part}/{whole} {part / max(1, whole):.1%}"


def main(file: Path | None) -> None:
    rows = [HEADS]
    for name, variant, got in scores_of_file(shipped(), file.stem, file) if file else scores(shipped()):
        rows.append(
            (
                name,
                variant,
                str(got.messages),
                share(got.found, got.emergencies),
                share(got.lost, got.emergencies),
                share(got.urgent_lost, got.urgent),
                share(got.urgent_raised, got.urgent),
                share(got.false_alarms, got.calm),
                share(got.hard_alarms, got.hard),
                f"{got.probes_found}/{got.probes}",
                f"{got.right_level / got.messages:.0%}",
                f"{got.right_category / got.messages:.0%}",
            )
        )
    widths = [max(len(row[at]) for row in rows) for at in range(len(HEADS))]
    for row in rows:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else None)
