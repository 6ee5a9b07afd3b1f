"""How fast the screening reads: microseconds per message of about 300 characters, and a letter of 100,000 characters.

Run: `python tests/benchmarks/bench_screening.py` (or `make bench NAME=screening`).
"""

from __future__ import annotations

import statistics
import sys
from pathlib import Path
from time import perf_counter

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from handlers.rules.reading.variants import VARIANTS
from tests.unit.handlers.screening_sample import messages, shipped

TARGET_US = 1000  # median
LENGTH = 300


def of_length(texts: list[str], length: int) -> list[str]:
    """Messages put together until each has about the length wanted."""
    found, current = [], ""
    for text in texts:
        current = f"{current} {text}".strip()
        if len(current) >= length:
            found.append(current[: length + 20])
            current = ""
    return found


def main() -> None:
    begin = perf_counter()
    screening = shipped()
    print(f"target: median {TARGET_US} µs")
    print(f"loading the lexicon: {1000 * (perf_counter() - begin):.0f} ms")
    for variant, write in VARIANTS.items():
        texts = of_length([write(message.text, 0) for message in messages()], LENGTH)
        times = []
        for _ in range(5):
            for text in texts:
                begin = perf_counter()
                screening.read(text)
                times.append(1e6 * (perf_counter() - begin))
        median, slow = statistics.median(times), statistics.quantiles(times, n=100)[98]
        print(f"{variant:9} {len(texts)} texts of {LENGTH} characters: median {median:.0f} µs, p99 {slow:.0f} µs")
    times = []
    for message in messages():
        begin = perf_counter()
        screening.read(message.text)
        times.append(1e6 * (perf_counter() - begin))
    print(f"messages as they are: median {statistics.median(times):.0f} µs")
    letter = " ".join(message.text for message in messages())
    letter = (letter * (100_000 // len(letter) + 1))[:100_000]
    for name, text in (("messages", letter), ("one letter", "a" * 100_000), ("đánh em", "đánh em " * 12_500)):
        begin = perf_counter()
        screening.read(text)
        print(f"100,000 characters ({name}): {1000 * (perf_counter() - begin):.0f} ms")


if __name__ == "__main__":
    main()
