"""What both peers are measured by: so many people, interleaved, each five steps through the same conversation.

The network is a stub that answers at once. Every person writes as soon as she is answered. A line of JSON is printed: turns a
second, p50 and p99 in milliseconds.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from time import perf_counter, process_time
from typing import Any

STEPS = ("chào bạn", "nhắc lại", "tôi không biết nói sao nữa", "quay lại", "cảm ơn bạn")
QUESTIONS = ("Bạn đang ở đâu?", "Bạn có an toàn không?", "Bạn cần gì?", "Bạn muốn nói thêm không?", "Cảm ơn bạn.")
CHOICES = ("Có", "Không", "Không biết")

Turn = Callable[[int, int, str], Awaitable[None]]
"""One turn: number of the update, person, text. Returns when her answer is with the platform."""


def update(number: int, person: int, text: str) -> dict[str, Any]:
    """What the platform brings when this person types this."""
    return {
        "update_id": number,
        "message": {
            "message_id": number,
            "date": 1_700_000_000,
            "chat": {"id": person, "type": "private"},
            "from": {"id": person, "is_bot": False, "first_name": "x"},
            "text": text,
        },
    }


async def measure(turn: Turn, people: int, rounds: int) -> None:
    """Warm up with one round, then measure `rounds` conversations of each of `people`."""
    numbers = iter(range(1, 10**9))
    took: list[float] = []

    async def talk(person: int, times: int, note: list[float]) -> None:
        for _ in range(times):
            for text in STEPS:
                started = perf_counter()
                await turn(next(numbers), person, text)
                note.append(perf_counter() - started)

    await asyncio.gather(*(talk(person, 1, []) for person in range(1, people + 1)))
    started, spent = perf_counter(), process_time()
    await asyncio.gather(*(talk(person, rounds, took) for person in range(1, people + 1)))
    seconds, spent = perf_counter() - started, process_time() - spent
    took.sort()
    figures = {
        "rate": len(took) / seconds,
        "p50": took[len(took) // 2] * 1e3,
        "p99": took[int(len(took) * 0.99)] * 1e3,
        "cpu": spent / len(took) * 1e3,  # of this process alone; a Redis beside it has its own
    }
    print(json.dumps(figures))
