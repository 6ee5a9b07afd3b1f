"""How good the screening is: recall and false alarms per spelling, on the tuning part and on the held-out part.

Run: `python tests/benchmarks/report_screening.py`. It prints numbers only, never a held-out message: who writes
patterns must not look at that part.
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from handlers.rules.reading.variants import VARIANTS
from tests.unit.handlers.screening_sample import messages, score, shipped


def main() -> None:
    screening, everything = shipped(), messages()
    print(
        "part      spelling  messages  emergency recall  lost  urgent lost  calm called emergency  probes  level  category"
    )
    for name in ("tuning", "held out"):
        part = [message for message in everything if message.held_out == (name == "held out")]
        for variant in VARIANTS:
            got = score(screening, part, variant)
            print(
                f"{name:9} {variant:9} {got.messages:8}  {got.found:4}/{got.emergencies:<4} {got.recall:6.1%}"
                f" {got.lost:5} {got.urgent_lost:7}/{got.urgent:<4} {got.false_alarms:10}/{got.calm:<4}"
                f" {got.false_alarm_rate:6.1%} {got.probes_found:6}/{got.probes:<3}"
                f" {got.right_level / got.messages:6.1%} {got.right_category / got.messages:8.1%}"
            )


if __name__ == "__main__":
    main()
