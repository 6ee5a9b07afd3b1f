"""Telegram whole: a grabbed phone, an edited message, and the staff group beside the desk page."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from bot.channels import telegram_api
from handlers.accounts import OfferCode, offer_code
from handlers.model import EscalationState, MediaState
from handlers.ports import Budget
from tests.contract.platforms import secret_file
from tests.e2e.harness import Program, eventually, program
from tests.fakes.road import EMERGENCY
from tests.fakes.sounds import SECRET, opus, picture
from tests.fakes.telegram import TOKEN, FakeTelegram

HER = 77
GROUP = -100500
HOA, LAN = 901, 902


@asynccontextmanager
async def bot(
    tmp_path: Path, *, media: dict[str, Any] | None = None, **group: Any
) -> AsyncIterator[tuple[Program, FakeTelegram]]:
    fake = await FakeTelegram().start()
    fake.group(GROUP)
    channel: dict[str, Any] = {
        "name": "tg", "platform": "telegram", "token": secret_file(tmp_path, "telegram-token", TOKEN),
        "base_url": fake.base_url, "poll_timeout_s": 1,
    }  # fmt: skip
    if group:
        channel["staff_group"] = {"chat_id": GROUP, **group}
    try:
        async with program(tmp_path, telegram=fake, channels=[channel], media=media or {}) as running:
            yield running, fake
    finally:
        await fake.stop()


def says(fake: FakeTelegram, chat: int, text: str) -> Callable[[], bool]:
    return lambda: any(text in one.text for one in fake.of(chat))


# --- her phone -------------------------------------------------------------------------------------------------------------


async def test_delete_empties_her_chat_within_two_seconds(tmp_path: Path) -> None:
    async with bot(tmp_path) as (running, fake):
        fake.types(HER, "chào")
        await eventually(says(fake, HER, "máy"))
        await eventually(lambda: bool(fake.of(HER)[-1].buttons))
        fake.types(HER, EMERGENCY)
        card = await running.rings()
        await running.claim(card)
        await running.reply(card.case_code, "Chị đây, em ở đâu?")
        await eventually(says(fake, HER, "Chị đây, em ở đâu?"))
        began = asyncio.get_running_loop().time()
        fake.types(HER, "xoa")
        farewell = ("Vâng, mình làm xong", "Bạn xem thêm")
        await eventually(
            lambda: all(one.startswith(farewell) for one in fake.sees(HER)),
            what=f"an empty chat, not {fake.sees(HER)}",
        )
        assert asyncio.get_running_loop().time() - began < 2.0
        await eventually(lambda: len(fake.sees(HER)) == 2, what="the last words")
        assert fake.violations == []
        assert (await running.queue()).cards[0].retracted, "the call for help goes on"


async def test_an_edited_message_is_seen_at_the_desk_and_answers_no_question(tmp_path: Path) -> None:
    async with bot(tmp_path) as (running, fake):
        fake.types(HER, "gặp người")
        await eventually(lambda: any(one.buttons for one in fake.of(HER)))
        before = len(fake.of(HER))
        fake.edits_message(HER, 1, "em gõ nhầm")
        await asyncio.sleep(0.5)
        assert len(fake.of(HER)) == before, "it answers nothing"
        fake.edits_message(HER, 1, EMERGENCY)
        card = await running.rings()
        await running.claim(card)
        view = await running.open_case(card.case_code)
        assert any("sửa một tin đã gửi" in line.text for line in view.lines)
        await eventually(says(fake, HER, "113"), what="danger breaks in, however it comes")


# --- the staff group -------------------------------------------------------------------------------------------------------


async def bind(running: Program, fake: FakeTelegram, name: str, who: int) -> None:
    code = await running.service.storage.door.run(offer_code, OfferCode(name=name))
    before = len(fake.of(GROUP))
    message_id = fake.says_in_group(GROUP, who, f"/gan {code}")
    await eventually(lambda: len(fake.of(GROUP)) > before)
    assert "Đã gắn tài khoản" in fake.of(GROUP)[-1].text
    assert (GROUP, message_id) in fake.deleted, "the code is taken off the wall"


async def pressed(fake: FakeTelegram, who: int, label: str) -> str:
    query = fake.presses_in_group(GROUP, who, label)
    await eventually(lambda: bool(fake.answer_to(query)))
    return fake.answer_to(query)


async def test_the_group_and_the_desk_show_the_same_case_at_the_same_time(tmp_path: Path) -> None:
    async with bot(tmp_path, relay_content=False) as (running, fake):
        await bind(running, fake, "tuvan", HOA)
        fake.types(HER, EMERGENCY)
        card = await running.rings()
        await eventually(says(fake, GROUP, card.case_code))
        page = fake.of(GROUP)[-1]
        assert not page.silent, "it makes a sound"
        assert EMERGENCY not in repr([one.text for one in fake.of(GROUP)])
        assert "Chưa biết bạn là ai" in await pressed(fake, LAN, "Nhận ca")
        assert "của bạn" in await pressed(fake, HOA, "Nhận ca")
        queue = await running.queue()
        assert queue.cards[0].mine
        await eventually(says(fake, GROUP, "Hoa đã nhận"), what="the page says who has it")
        assert [one.text for one in fake.of(GROUP) if "Đang cần người nhận" in one.text] == []
        await eventually(says(fake, HER, "một người thật"))
        assert fake.violations == []


async def test_what_was_taken_at_the_desk_is_no_longer_offered_in_the_group(tmp_path: Path) -> None:
    async with bot(tmp_path, relay_content=False) as (running, fake):
        await bind(running, fake, "giamsat", LAN)
        fake.types(HER, EMERGENCY)
        card = await running.rings()
        await eventually(says(fake, GROUP, card.case_code))
        old = fake.of(GROUP)[-1].buttons[0][1]
        await running.claim(card)
        await eventually(says(fake, GROUP, "Hoa đã nhận"))
        chat = {"id": GROUP, "type": "supergroup"}
        person = {"id": LAN, "is_bot": False, "first_name": "x"}
        about = {"message_id": 1, "date": 1, "chat": chat}
        fake.brings(
            {"update_id": 999_999, "callback_query": {"id": "late", "from": person, "data": old, "message": about}}
        )
        await eventually(lambda: "đã có người nhận: Hoa" in fake.answer_to("late"))


async def test_passing_up_handing_over_and_a_false_alarm_by_buttons(tmp_path: Path) -> None:
    async with bot(tmp_path, relay_content=False) as (running, fake):
        await bind(running, fake, "tuvan", HOA)
        await bind(running, fake, "giamsat", LAN)
        fake.types(HER, EMERGENCY)
        card = await running.rings()
        await eventually(says(fake, GROUP, card.case_code))
        assert "Đã chuyển lên" in await pressed(fake, HOA, "Chuyển lên")
        assert "của bạn" in await pressed(fake, LAN, "Nhận ca")
        await eventually(says(fake, GROUP, "đã nhận"))
        assert "Nhận ca trước đã" in await pressed(fake, HOA, "Trả lại")
        assert "Chọn ở dưới" in await pressed(fake, LAN, "Chuyển cho người khác")
        await eventually(lambda: any(label == "Hoa" for one in fake.of(GROUP) for label, _ in one.buttons))
        assert "Ca vẫn là của bạn" in await pressed(fake, LAN, "Hoa")
        await eventually(says(fake, GROUP, "xin chuyển ca này cho Hoa"))
        assert (await running.queue("giamsat")).cards[0].mine, "hers until the other has it"
        assert "của bạn" in await pressed(fake, HOA, "Nhận ca")
        assert (await running.queue("tuvan")).cards[0].mine
        await eventually(says(fake, GROUP, "Hoa đã nhận"))
        assert "báo nhầm" in await pressed(fake, HOA, "Báo nhầm")
        assert (await running.queue()).cards == ()
        await eventually(says(fake, GROUP, "Đã xong"))
        assert fake.violations == []


async def test_a_group_without_content_never_shows_a_word(tmp_path: Path) -> None:
    async with bot(tmp_path, relay_content=False) as (running, fake):
        await bind(running, fake, "tuvan", HOA)
        fake.types(HER, EMERGENCY)
        card = await running.rings()
        await running.claim(card)
        await running.reply(card.case_code, "Chị đây, chim hoàng yến.")
        await eventually(says(fake, HER, "chim hoàng yến"))
        await asyncio.sleep(1.5)
        assert fake.topics == {}
        shown = " ".join(one.text for one in fake.of(GROUP))
        assert "chim hoàng yến" not in shown
        assert "dao" not in shown
        assert (await running.service.channels["tg"].check())[-1].fine


# --- the talk in a topic, where an operator has chosen it -----------------------------------------------------------------


async def test_the_talk_in_a_topic_is_the_owners_and_goes_with_the_case(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr(telegram_api, "OF_A_PART", Budget(18 / 60, 18))  # or the end of it would take a minute more
    async with bot(tmp_path, relay_content=True) as (running, fake):
        await bind(running, fake, "tuvan", HOA)
        await bind(running, fake, "giamsat", LAN)
        fake.types(HER, EMERGENCY)
        card = await running.rings()
        await asyncio.sleep(1.2)
        assert fake.topics == {}, "nothing is shown before somebody holds it"
        await running.claim(card)
        await eventually(lambda: list(fake.topics.values()) == [card.case_code])
        (topic,) = fake.topics
        await eventually(lambda: EMERGENCY in " ".join(fake.in_topic(topic)))
        fake.says_in_group(GROUP, HOA, "Chị đây, em ở đâu?", topic=topic)
        await eventually(says(fake, HER, "Chị đây, em ở đâu?"))
        fake.types(HER, "em ở trong bếp")
        await eventually(lambda: any("em ở trong bếp" in one for one in fake.in_topic(topic)))
        fake.says_in_group(GROUP, HOA, "gọi công an xã", topic=topic, reply_to=topic + 1)
        fake.says_in_group(GROUP, LAN, "tôi cũng muốn nói", topic=topic)
        fake.says_in_group(GROUP, HOA, topic=topic, voice={"file_id": "x", "duration": 1})
        await eventually(lambda: any("chỉ người đang giữ ca" in one for one in fake.in_topic(topic)))
        await eventually(lambda: any("chỉ chuyển được chữ" in one for one in fake.in_topic(topic)))
        view = await running.open_case(card.case_code)
        notes = [line.text for line in view.lines if line.direction == "note"]
        assert notes == ["gọi công an xã"]
        her_side = " ".join(one.text for one in fake.of(HER))
        assert "gọi công an xã" not in her_side
        assert "tôi cũng muốn nói" not in her_side
        shown = " ".join(fake.in_topic(topic))
        assert shown.count("Chị đây, em ở đâu?") == 0, "what was written here is not said here again"
        assert "Firstname77" not in shown
        assert [method for method, _ in fake.calls if "orward" in method] == []
        findings = await running.service.channels["tg"].check()
        assert any("relay_content" in one.words and one.care for one in findings)
        # The case ends, and a month later everything of it is destroyed: the topic too.
        await running.close(card.case_code)
        running.service.channels["tg"].api._pace._budgets._buckets.clear()  # a month has passed for them as well
        fake.group_acts.clear()
        running.clock.move(days=31)
        await running.wake()
        await eventually(lambda: fake.topics == {})
        assert fake.violations == []


async def test_a_long_talk_is_few_messages_and_leaves_room_for_calls(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr(telegram_api, "OF_A_PART", Budget(3 / 60, 3))
    async with bot(tmp_path, relay_content=True) as (running, fake):
        await bind(running, fake, "tuvan", HOA)
        fake.types(HER, EMERGENCY)
        card = await running.rings()
        await running.claim(card)
        await running.reply(card.case_code, "Chị đây.")
        await eventually(lambda: bool(fake.topics))
        (topic,) = fake.topics
        for number in range(30):
            fake.types(HER, f"dòng {number}")
        await asyncio.sleep(2.5)
        assert len(fake.in_topic(topic)) <= 3
        other = 78
        fake.types(other, EMERGENCY)
        await eventually(lambda: len([one for one in fake.of(GROUP) if "Đang cần người nhận" in one.text]) >= 1)
        running.clock.move(seconds=1)
        assert fake.violations == []


async def test_after_a_restart_the_topic_goes_on(tmp_path: Path) -> None:
    fake = await FakeTelegram().start()
    fake.group(GROUP)
    channel = {
        "name": "tg", "platform": "telegram", "token": secret_file(tmp_path, "telegram-token", TOKEN),
        "base_url": fake.base_url, "poll_timeout_s": 1, "staff_group": {"chat_id": GROUP, "relay_content": True},
    }  # fmt: skip
    try:
        async with program(tmp_path, telegram=fake, channels=[channel]) as running:
            await bind(running, fake, "tuvan", HOA)
            fake.types(HER, EMERGENCY)
            card = await running.rings()
            await running.claim(card)
            await running.reply(card.case_code, "Chị đây.")
            await eventually(lambda: bool(fake.topics))
            (topic,) = fake.topics
            await eventually(lambda: any("Chị đây." in one for one in fake.in_topic(topic)))
        async with program(tmp_path, telegram=fake, channels=[channel]) as running:
            fake.types(HER, "em vẫn đây")
            await eventually(lambda: any("em vẫn đây" in one for one in fake.in_topic(topic)))
            assert len(fake.topics) == 1
            assert " ".join(fake.in_topic(topic)).count(EMERGENCY) == 1, "nothing is shown twice"
            state = (await running.queue()).cards[0].state
            assert state is EscalationState.OWING
    finally:
        await fake.stop()


# --- what she shows ----------------------------------------------------------------------------------------------------------


async def test_a_picture_and_a_voice_note_come_to_the_desk_cleaned_and_go_with_the_case(tmp_path: Path) -> None:
    async with bot(tmp_path, media={"from_seekers": True, "max_mb": 1}) as (running, fake):
        fake.types(HER, EMERGENCY)
        card = await running.rings()
        fake.shows(HER, picture(), caption="hình ở nhà")
        fake.shows(HER, opus(), voice=True)
        fake.shows(HER, b"\xff\xd8" + bytes(1_500_000))
        await running.claim(card)

        async def settled() -> bool:
            found = [one.media for one in (await running.open_case(card.case_code)).lines if one.media]
            return [one.state for one in found] == [MediaState.KEPT, MediaState.KEPT, MediaState.REFUSED]

        await eventually(settled, what="two kept and a large one refused")
        lines = [one for one in (await running.open_case(card.case_code)).lines if one.media is not None]
        assert [one.text for one in lines] == ["▸ gửi ảnh: hình ở nhà", "▸ gửi lời nói", "▸ gửi ảnh"]
        for line, mime in zip(lines[:2], ("image/jpeg", "audio/ogg"), strict=True):
            assert line.media is not None
            seen = await running.read_media(card.case_code, line.media.uid)
            assert (seen.mime, SECRET in seen.body, len(seen.body) > 100) == (mime, False, True)
        await running.close(card.case_code)
        uids = [line.media.uid for line in lines if line.media is not None]
        running.clock.move(days=31)
        await running.wake()

        async def gone() -> bool:
            door = running.service.storage.door
            return not [uid for uid in uids if await door.read(lambda uow, uid=uid: uow.media.get(uid))]

        await eventually(gone, what="everything gone with the case")


async def test_without_leave_of_the_operator_no_file_is_asked_for(tmp_path: Path) -> None:
    async with bot(tmp_path) as (running, fake):
        fake.types(HER, EMERGENCY)
        card = await running.rings()
        fake.shows(HER, picture())
        await running.claim(card)

        async def said() -> bool:
            return any(one.text == "▸ gửi ảnh" for one in (await running.open_case(card.case_code)).lines)

        await eventually(said, what="the desk knows that she sent a picture")
        assert all(one.media is None for one in (await running.open_case(card.case_code)).lines)
        assert fake.asked_for_files == 0
