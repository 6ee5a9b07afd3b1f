"""python-telegram-bot: a ConversationHandler of five steps. `python ptb.py none|pickle|flushed PEOPLE ROUNDS`.

`none` remembers nothing, `pickle` is PicklePersistence as it comes (written every 60 s), `flushed` writes it after every turn,
which is what it takes to lose nothing.
"""

from __future__ import annotations

import asyncio
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

from measuring import CHOICES, QUESTIONS, measure, update
from telegram import ReplyKeyboardMarkup, Update
from telegram.ext import Application, ConversationHandler, MessageHandler, PicklePersistence, filters
from telegram.request import BaseRequest

ME = {"id": 1, "is_bot": True, "first_name": "bot", "username": "bot"}


class Stub(BaseRequest):
    """A platform that takes everything at once."""

    @property
    def read_timeout(self) -> float:
        return 1.0

    async def initialize(self) -> None:
        """Nothing to open."""

    async def shutdown(self) -> None:
        """Nothing to close."""

    async def do_request(self, url: str, *_: Any, **__: Any) -> tuple[int, bytes]:
        result: Any = {"message_id": 1, "date": 1, "chat": {"id": 1, "type": "private"}, "text": "x"}
        return 200, json.dumps({"ok": True, "result": ME if url.endswith("getMe") else result}).encode()


KEYBOARD = ReplyKeyboardMarkup([[choice] for choice in CHOICES])


def step(number: int) -> Any:
    """Keep the answer, ask the next question."""

    async def handle(update: Update, context: Any) -> int:
        assert update.message is not None
        context.user_data[f"step{number}"] = update.message.text
        await update.message.reply_text(QUESTIONS[number], reply_markup=KEYBOARD)
        return ConversationHandler.END if number == len(QUESTIONS) - 1 else number + 1

    return [MessageHandler(filters.TEXT, handle)]


async def main(kept: str, people: int, rounds: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        builder = Application.builder().token("1:a").request(Stub()).updater(None)
        if kept != "none":
            builder = builder.persistence(PicklePersistence(Path(folder) / "kept.pickle"))
        application = builder.build()
        application.add_handler(
            ConversationHandler(
                entry_points=step(0),
                states={number: step(number) for number in range(1, len(QUESTIONS))},
                fallbacks=[],
                name="five",
                persistent=kept != "none",
            )
        )
        await application.initialize()
        await application.start()

        async def turn(number: int, person: int, text: str) -> None:
            await application.process_update(Update.de_json(update(number, person, text), application.bot))
            if kept == "flushed":
                await application.update_persistence()

        await measure(turn, people, rounds)
        await application.stop()
        await application.shutdown()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])))
