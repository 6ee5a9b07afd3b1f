"""A whole talk over a Zalo Official Account: from the greeting to a person, with its reply window and its erasing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from handlers.alarms import TOKEN_LOST, ringing
from handlers.errors import WindowShut
from handlers.model import OutboxState
from tests.contract.platforms import ZaloOa, door
from tests.e2e.harness import eventually
from tests.fakes.road import EMERGENCY


async def sees(platform: ZaloOa, text: str) -> None:
    await eventually(lambda: any(text in one.text for one in platform.fake.of(platform.platform_id)), what=text)


async def test_from_following_the_account_to_a_person_and_back(tmp_path: Path) -> None:
    async with door("zalo-oa", tmp_path) as opened:
        assert isinstance(opened, ZaloOa)
        fake, who = opened.fake, opened.platform_id
        assert await fake.follows(who) == 200
        await sees(opened, "Bạn đang nhắn với máy")
        await opened.presses("Có")
        await fake.shares(who, 22.386, 103.458)
        await fake.types(who, EMERGENCY)
        await sees(opened, "113")
        card = await opened.running.rings()
        await opened.running.claim(card)
        await sees(opened, "một người thật")
        await opened.running.reply(card.case_code, "Chị đây, em đang ở đâu?")
        await sees(opened, "Chị đây, em đang ở đâu?")
        assert fake.violations == []
        assert fake.billed == []


async def test_after_the_window_nothing_is_asked_of_the_platform_and_the_desk_knows(tmp_path: Path) -> None:
    async with door("zalo-oa", tmp_path) as opened:
        assert isinstance(opened, ZaloOa)
        running, fake, who = opened.running, opened.fake, opened.platform_id
        await fake.types(who, EMERGENCY)
        card = await running.rings()
        await running.claim(card)
        await sees(opened, "một người thật")
        await running.reply(card.case_code, "Chị đây.")
        await sees(opened, "Chị đây.")
        running.clock.move(days=8)
        await running.wake()
        with pytest.raises(WindowShut):
            await running.reply(card.case_code, "Em ơi?")
        assert fake.violations == [], "the platform was not even asked"
        await fake.types(who, "em đây")  # opens the window again
        await opened.has_received(2)
        # Lines of the bot go out again, with a token that had to be refreshed meanwhile.
        await eventually(lambda: len(fake.of(who)) > 0 and fake.refreshes >= 2)
        assert fake.violations == []


async def test_a_late_line_of_the_machine_fails_visibly(tmp_path: Path) -> None:
    """A row that became due after the window had shut: failed, and said so at the desk."""
    async with door("zalo-oa", tmp_path) as opened:
        assert isinstance(opened, ZaloOa)
        running, fake, who = opened.running, opened.fake, opened.platform_id
        fake.refresh = "somebody-else-has-it"  # no token: our lines wait
        await fake.types(who, "chào")
        await opened.has_received(1)

        async def alarmed() -> bool:
            return any(one.code == TOKEN_LOST for one in await running.service.storage.door.read(ringing))

        await eventually(alarmed)

        def for_ever(uow: Any) -> None:
            uow.execute(_any_time())

        await running.service.storage.door.run(lambda uow, items: [for_ever(uow) for _ in items], None)
        running.clock.move(days=8)
        await running.wake()

        async def failed() -> bool:
            return OutboxState.FAILED in await opened.deliveries()

        await eventually(failed)
        assert [name for name, _ in fake.calls if name == "message"] == []


def _any_time() -> Any:
    from sqlalchemy import update

    from storage.tables import outbox

    return update(outbox).values(fresh_until=None)


async def test_consent_withdrawn_in_zalo_erases(tmp_path: Path) -> None:
    async with door("zalo-oa", tmp_path) as opened:
        assert isinstance(opened, ZaloOa)
        await opened.fake.types(opened.platform_id, "chào")
        await sees(opened, "Bạn đang nhắn với máy")
        uid = (await opened.contact()).uid  # type: ignore[union-attr]
        assert await opened.fake.withdraws(opened.platform_id) == 200

        async def hidden() -> bool:
            found = await opened.running.service.storage.door.read(lambda uow: uow.contacts.get(uid))
            return found.hidden_at is not None

        await eventually(hidden)
