"""How long a large content set takes: loading and checking 10,000 steps, and one sprint in such a set.

Run: `python tests/benchmarks/bench_flows_size.py [STEPS]` (or `make bench NAME=flows_size`). Prints medians of three rounds.
"""

from __future__ import annotations

import statistics
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from flows import loader  # noqa: E402
from flows.checks import check  # noqa: E402
from flows.effects import Said  # noqa: E402
from flows.engine import advance  # noqa: E402
from flows.session import Session  # noqa: E402

LOAD_S, CHECK_S, SPRINT_US = 1.0, 5.0, 50.0  # targets
STEPS_A_FLOW = 100
ROUNDS = 3
NOW = datetime(2026, 11, 23, 20, 0, tzinfo=UTC)


def large_set(steps: int) -> dict[str, bytes]:
    """The shipped set and so many more steps in flows that call one another; every tenth step branches."""
    files = loader.read_dir(ROOT / "flows" / "content")
    count = max(1, steps // STEPS_A_FLOW)
    for number in range(count):
        lines = [f"flow: extra_{number}", f"title: Phần {number}", "start: s0", "steps:"]
        for step in range(STEPS_A_FLOW - 1):
            lines += _step(step, f"s{step + 1}")
        lines += [f"  s{STEPS_A_FLOW - 1}:", "    return: true"]
        files[f"flows/extra_{number}.yaml"] = "\n".join(lines).encode()
    hub = ["flow: hub", "title: Mục lục", "start: c0", "steps:"]
    hub += [f"  c{number}: {{call: extra_{number}, next: c{number + 1}}}" for number in range(min(count, 199))]
    hub += [f"  c{min(count, 199)}: {{return: true}}"]
    files["flows/hub.yaml"] = "\n".join(hub).encode()
    manifest = files["set.yaml"].decode().replace("released: after_talk", "released: hub")
    files["set.yaml"] = manifest.encode()
    return files


def _step(step: int, after: str) -> list[str]:
    head = [f"  s{step}:", f"    say: Bình An đây, mình nói tiếp với bạn phần {step} nhé."]
    if step % 10 == 5:
        return [*head, "    next:", f"      - {{when: {{about: me}}, goto: {after}}}", f"      - {{else: {after}}}"]
    if step % 3 == 0:
        return [
            *head,
            "    choices:",
            f"      yes: {{label: Vâng, goto: {after}}}",
            f"      no: {{label: Thôi, goto: {after}}}",
        ]
    return [*head, f"    next: {after}"]


def _median(work: Callable[[], object]) -> float:
    times = []
    for _ in range(ROUNDS):
        started = perf_counter()
        work()
        times.append(perf_counter() - started)
    return statistics.median(times)


def main() -> int:
    """Measure and print; exit 1 when a target is missed."""
    steps = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    files = large_set(steps)
    library = loader.load(files).library
    if library is None:
        print("bench_flows_size: the large set does not load", file=sys.stderr)
        for finding in loader.load(files).findings[:5]:
            print(finding, file=sys.stderr)
        return 2
    load_s = _median(lambda: loader.load(files))
    check_s = _median(lambda: check(library, files))
    session = advance(library, Session.new(library, "bench"), Said("chào"), NOW).session
    sprint_us = 1e6 * _median(lambda: [advance(library, session, Said("nhắc lại"), NOW) for _ in range(2000)]) / 2000
    print(f"load {steps:,} steps: {load_s:.2f} s (target {LOAD_S:.0f})")
    print(f"check {steps:,} steps: {check_s:.2f} s (target {CHECK_S:.0f})")
    print(f"one sprint in it: {sprint_us:.1f} µs (target {SPRINT_US:.0f})")
    return 0 if load_s < LOAD_S and check_s < CHECK_S and sprint_us < SPRINT_US else 1


if __name__ == "__main__":
    raise SystemExit(main())
