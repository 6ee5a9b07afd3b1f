"""aiogram: its FSM in five states. `python fsm.py memory|REDIS_URL PEOPLE ROUNDS`."""

from __future__ import annotations

import asyncio
import sys
from datetime import UTC, datetime
from typing import Any

from aiogram import Bot, Dispatcher, Router
from aiogram.client.session.base import BaseSession
from aiogram.fsm.context import FSMContext
from aiogram.fsm.state import State, StatesGroup
from aiogram.fsm.storage.memory import MemoryStorage
from aiogram.fsm.storage.redis import RedisStorage
from aiogram.types import Chat, KeyboardButton, Message, ReplyKeyboardMarkup
from measuring import CHOICES, QUESTIONS, measure, update

KEYBOARD = ReplyKeyboardMarkup(keyboard=[[KeyboardButton(text=choice)] for choice in CHOICES])
SENT = Message(message_id=1, date=datetime(2026, 1, 1, tzinfo=UTC), chat=Chat(id=1, type="private"))


class Stub(BaseSession):
    """A platform that takes everything at once."""

    async def make_request(self, bot: Bot, method: Any, timeout: int | None = None) -> Any:  # noqa: ASYNC109 (theirs)
        return SENT

    async def stream_content(self, *_: Any, **__: Any) -> Any:
        raise NotImplementedError

    async def close(self) -> None:
        """Nothing is open."""


class Five(StatesGroup):
    one, two, three, four = State(), State(), State(), State()


async def main(kept: str, people: int, rounds: int) -> None:
    storage = MemoryStorage() if kept == "memory" else RedisStorage.from_url(kept)
    dispatcher, router = Dispatcher(storage=storage), Router()
    states = (None, Five.one, Five.two, Five.three, Five.four)

    def step(number: int) -> Any:
        async def handle(message: Message, state: FSMContext) -> None:
            await state.update_data({f"step{number}": message.text})
            await (state.clear() if number == len(QUESTIONS) - 1 else state.set_state(states[number + 1]))
            await message.answer(QUESTIONS[number], reply_markup=KEYBOARD)

        return handle

    for number, state in enumerate(states):
        if state is not None:
            router.message(state)(step(number))
    router.message()(step(0))
    dispatcher.include_router(router)
    bot = Bot("42:TEST", session=Stub())

    async def turn(number: int, person: int, text: str) -> None:
        await dispatcher.feed_raw_update(bot, update(number, person, text))

    await measure(turn, people, rounds)
    await storage.close()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])))
