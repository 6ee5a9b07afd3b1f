"""Engine sprints per second on one core: the shipped set, one scripted conversation, the session going on from turn to turn.

Run: `python tests/benchmarks/bench_engine.py` (or `make bench NAME=engine`). Prints the median of five rounds, with and
without storing and reading back the session as JSON between turns.
"""

from __future__ import annotations

import json
import statistics
import sys
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from flows import effects, loader  # noqa: E402
from flows.engine import advance  # noqa: E402
from flows.library import Library  # noqa: E402
from flows.session import Session  # noqa: E402

TARGET = 20_000  # sprints a second
NOW = datetime(2026, 11, 23, 20, 0, tzinfo=UTC)
TYPED = ("chào bạn", "co", "nhắc lại", "1", "quay lại", "tôi không biết phải nói sao nữa", "2", "1", "cứu tôi với", "2")
ROUNDS, CONVERSATIONS = 5, 400


def answer_to(question: effects.Question) -> effects.Answered:
    """What a friendly host answers."""
    if isinstance(question, effects.ResolvePlace):
        return effects.Answered(effects.PlaceAnswer("exact", ("03388",), {"03388": "xã Mường Than"}))
    if isinstance(question, effects.FindServices):
        return effects.Answered([])
    if isinstance(question, effects.MakeReturnCode):
        return effects.Answered("ABCD EFGH")
    return effects.Answered(True)


def converse(library: Library, *, stored: bool) -> int:
    """One conversation; returns how many sprints it took."""
    session, sprints = Session.new(library, "bench"), 0
    for text in TYPED:
        if stored:
            session = Session.load(json.loads(json.dumps(session.dump())))
        sprint = advance(library, session, effects.Said(text), NOW)
        sprints += 1
        while sprint.question is not None:
            sprint = advance(library, sprint.session, answer_to(sprint.question), NOW)
            sprints += 1
        session = sprint.session
    return sprints


def rate(library: Library, *, stored: bool) -> float:
    """Median sprints a second."""
    rates = []
    for _ in range(ROUNDS):
        started, sprints = perf_counter(), 0
        for _ in range(CONVERSATIONS):
            sprints += converse(library, stored=stored)
        rates.append(sprints / (perf_counter() - started))
    return statistics.median(rates)


def main() -> int:
    """Measure and print; exit 1 below the target."""
    library = loader.load(loader.read_dir(ROOT / "flows" / "content")).library
    if library is None:
        print("bench_engine: the shipped content does not load; run `flows check` first", file=sys.stderr)
        return 2
    converse(library, stored=False)
    plain, stored = rate(library, stored=False), rate(library, stored=True)
    print(f"engine: {plain:,.0f} sprints/s ({1e6 / plain:.1f} µs each; target {TARGET:,})")
    print(f"engine with the session stored and read back as JSON: {stored:,.0f} sprints/s")
    return 0 if plain >= TARGET else 1


if __name__ == "__main__":
    raise SystemExit(main())
