"""Places and services: µs per text here and with a table as large as the country, a shared point, and nearest among 200 and
20 000 services beside a plain scan.

Run: `python tests/benchmarks/bench_places.py` (or `make bench NAME=places`). Medians and 99th percentiles of one run.
"""

from __future__ import annotations

import csv
import random
import statistics
import sys
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter, thread_time
from typing import TypeVar

T = TypeVar("T")
ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from bot import shipped  # noqa: E402
from handlers.directory import Directory, find  # noqa: E402
from handlers.rules.distance import distance_km  # noqa: E402
from handlers.rules.nearest import UNSURE_MIN, estimated_minutes, time_step  # noqa: E402
from handlers.rules.places import Gazetteer  # noqa: E402
from handlers.service import Disclosure, Service  # noqa: E402
from tests.benchmarks import national  # noqa: E402

TEXT_TARGET_US, NEAREST_TARGET_US, LOAD_TARGET_S = 2_000, 5_000, 2.0
NOW = datetime(2026, 11, 23, 2, 0, tzinfo=UTC)
HOURS = ("", "24/7", "Mo-Fr 07:30-11:30,13:30-17:00", "Mo-Su 06:00-22:00")
NEEDS = ("medical", "police", "legal", "social", "shelter")


def timed(run: Callable[[T], object], inputs: Iterable[T]) -> tuple[float, float]:
    """Median and 99th percentile in µs of this thread's own time: neighbours on the machine do not count."""
    took = []
    for one in inputs:
        started = thread_time()
        run(one)
        took.append((thread_time() - started) * 1e6)
    return statistics.median(took), statistics.quantiles(took, n=100)[98]


def services(count: int, gazetteer: Gazetteer) -> list[Service]:
    """Services scattered over the province, with mixed needs and hours; the same for every run."""
    dice = random.Random(7)
    return [
        Service(
            id=f"s{number}",
            name="Nơi giúp",
            kind="health_station",
            needs=frozenset(dice.sample(NEEDS, dice.randint(1, 2))),
            hours=dice.choice(HOURS),
            commune=dice.choice(gazetteer.codes),
            point=(dice.uniform(21.7, 22.8), dice.uniform(102.3, 104.0)),
            disclosure=Disclosure.PUBLIC,
        )
        for number in range(count)
    ]


def scan(directory: Directory, centre: tuple[float, float]) -> list[str]:
    """The three nearest by a plain scan over all, for comparison."""

    def key(service: Service) -> tuple[bool, bool, int, str]:
        is_open = service.open_at(NOW)
        km = distance_km(*centre, *(service.point or centre))
        return (
            "medical" not in service.needs,
            is_open is False,
            time_step(estimated_minutes(km) + (UNSURE_MIN if is_open is None else 0)),
            service.id,
        )

    return [service.id for service in sorted(directory.services, key=key)[:3]]


def texts_in(gazetteer: Gazetteer, short: list[str], words: list[str], prefix: str) -> bool:
    """Print what one text costs; True when a target is missed. The last two kinds are no messages of people: no target."""
    dice = random.Random(3)
    messages = [". ".join([*dice.sample(words, 12), dice.choice(short)]) for _ in range(300)]
    crowded = [" ".join(dice.sample(short, 12)) for _ in range(200)]
    kinds = (
        ("as typed", short * 5),
        ("a long message with one place", messages),
        ("a dozen places", crowded),
        ("as many as fit", [" ".join(short)[:1500]] * 60),
    )
    missed = False
    for name, texts in kinds:
        median, p99 = timed(gazetteer.resolve, texts)
        length = statistics.mean(map(len, texts))
        print(f"{prefix}, {name} ({length:.0f} characters): {median:.0f} µs a text (p99 {p99:.0f})")
        missed |= name in ("as typed", "a long message with one place") and median > TEXT_TARGET_US
    return missed


def the_country(short: list[str], words: list[str]) -> bool:
    """Load and ask a table of 3,321 communes and 10,047 old ones; True when a target is missed."""
    files = national.files()
    started = perf_counter()
    gazetteer = Gazetteer.load(files)
    took = perf_counter() - started
    print(f"a table of {len(gazetteer.codes):,} communes and {national.OLD_COMMUNES:,} old ones loads in {took:.2f} s")
    dice = random.Random(4)
    names = [gazetteer.name(code) for code in dice.sample(gazetteer.codes, 400)]
    asked = [dice.choice(("{}", "em ở {} ạ", "nha em o {}, chong danh em suot")).format(name) for name in names]
    missed = texts_in(gazetteer, asked + short, words, "place, whole country") or took > LOAD_TARGET_S
    points = [gazetteer.centre(code) for code in dice.sample(gazetteer.codes, 500)]
    median, p99 = timed(lambda point: gazetteer.nearest_communes(*point), points)
    print(f"shared point, whole country: {median:.0f} µs (p99 {p99:.0f})")
    return missed or median > TEXT_TARGET_US


def main() -> int:
    """Print the figures; exit 1 when a target is missed."""
    gazetteer = Gazetteer.load(shipped.place_files())
    with (ROOT / "tests" / "data" / "places_dev.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    short = [row["text"] for row in rows]
    words = [row["text"] for row in rows if row["kind"] == "none"]
    missed = texts_in(gazetteer, short, words, "place")
    missed |= the_country(short, words)
    return int(missed | services_for_everybody(gazetteer))


def services_for_everybody(gazetteer: Gazetteer) -> bool:
    """Nearest among many, with and without a table of travel times; True when a target is missed."""
    missed = False
    dice = random.Random(9)
    travel = {one: {other: dice.uniform(10, 300) for other in gazetteer.codes} for one in gazetteer.codes}
    for count in (200, 20_000):
        directory = Directory(services(count, gazetteer))
        started = perf_counter()
        find(directory, gazetteer, gazetteer.codes[0], ["medical"], NOW)
        first = (perf_counter() - started) * 1e3
        nearest = lambda code: find(directory, gazetteer, code, ["medical"], NOW)  # noqa: B023, E731
        median, p99 = timed(nearest, gazetteer.codes * 20)
        scanned, _ = timed(lambda code: scan(directory, gazetteer.centre(code)), gazetteer.codes[:5])  # noqa: B023
        with_table = Directory(directory.services, travel=travel)
        find(with_table, gazetteer, gazetteer.codes[0], ["medical"], NOW)
        told, _ = timed(lambda code: find(with_table, gazetteer, code, ["medical"], NOW), gazetteer.codes * 20)  # noqa: B023
        print(
            f"nearest 3 of {count}: {median:.0f} µs (p99 {p99:.0f}); with a full table of travel times {told:.0f} µs; "
            f"a scan {scanned:.0f} µs, {scanned / median:.0f} times as long; index built in {first:.1f} ms"
        )
        missed |= max(median, told) > NEAREST_TARGET_US
    return missed


if __name__ == "__main__":
    sys.exit(main())
