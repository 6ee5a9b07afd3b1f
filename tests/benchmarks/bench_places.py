"""Places and services: µs per text, and nearest among 200 and 20 000 services beside a plain scan.

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
from time import perf_counter

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from bot import shipped  # noqa: E402
from handlers.directory import Directory, find  # noqa: E402
from handlers.rules.nearest import distance_km, time_step  # noqa: E402
from handlers.rules.places import Gazetteer  # noqa: E402
from handlers.service import Disclosure, Service  # noqa: E402

TEXT_TARGET_US, NEAREST_TARGET_US = 2_000, 5_000
NOW = datetime(2026, 11, 23, 2, 0, tzinfo=UTC)
HOURS = ("", "24/7", "Mo-Fr 07:30-11:30,13:30-17:00", "Mo-Su 06:00-22:00")
NEEDS = ("medical", "police", "legal", "social", "shelter")


def timed(run: Callable[[str], object], inputs: Iterable[str]) -> tuple[float, float]:
    """Median and 99th percentile in µs."""
    took = []
    for one in inputs:
        started = perf_counter()
        run(one)
        took.append((perf_counter() - started) * 1e6)
    return statistics.median(took), statistics.quantiles(took, n=100)[98]


def services(count: int) -> list[Service]:
    """Services scattered over the province, with mixed needs and hours; the same for every run."""
    dice = random.Random(7)
    return [
        Service(
            id=f"s{number}",
            name="Nơi giúp",
            kind="health_station",
            needs=frozenset(dice.sample(NEEDS, dice.randint(1, 2))),
            hours=dice.choice(HOURS),
            point=(dice.uniform(21.7, 22.8), dice.uniform(102.3, 104.0)),
            disclosure=Disclosure.PUBLIC,
        )
        for number in range(count)
    ]


def scan(directory: Directory, centre: tuple[float, float]) -> list[str]:
    """The three nearest by a plain scan over all, for comparison."""

    def key(service: Service) -> tuple[bool, int, int, str]:
        is_open = service.open_at(NOW)
        km = distance_km(*centre, *(service.point or centre))
        return "medical" not in service.needs, 0 if is_open else 1 if is_open is None else 2, time_step(km), service.id

    return [service.id for service in sorted(directory.services, key=key)[:3]]


def main() -> int:
    """Print the figures; exit 1 when a target is missed."""
    gazetteer = Gazetteer.load(shipped.place_files())
    with (ROOT / "tests" / "data" / "places_dev.csv").open(encoding="utf-8", newline="") as file:
        short = [row["text"] for row in csv.DictReader(file)]
    dice = random.Random(3)
    long = [" ".join(dice.sample(short, 12)) for _ in range(200)]
    missed = False
    for name, texts in (("as typed", short * 5), ("long", long), ("full of names", [" ".join(short)[:1500]] * 120)):
        median, p99 = timed(gazetteer.resolve, texts)
        length = statistics.mean(map(len, texts))
        print(f"place, {name} ({length:.0f} characters): {median:.0f} µs a text (p99 {p99:.0f})")
        missed |= name != "full of names" and median > TEXT_TARGET_US
    for count in (200, 20_000):
        directory = Directory(services(count))
        started = perf_counter()
        find(directory, gazetteer, gazetteer.codes[0], ["medical"], NOW)
        first = (perf_counter() - started) * 1e3
        nearest = lambda code: find(directory, gazetteer, code, ["medical"], NOW)  # noqa: B023, E731
        median, p99 = timed(nearest, gazetteer.codes * 20)
        scanned, _ = timed(lambda code: scan(directory, gazetteer.centre(code)), gazetteer.codes[:5])  # noqa: B023
        print(
            f"nearest 3 of {count}: {median:.0f} µs (p99 {p99:.0f}); a scan {scanned:.0f} µs, "
            f"{scanned / median:.0f} times as long; index built in {first:.1f} ms"
        )
        missed |= median > NEAREST_TARGET_US
    return int(missed)


if __name__ == "__main__":
    sys.exit(main())
