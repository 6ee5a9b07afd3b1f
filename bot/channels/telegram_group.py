"""The staff group on Telegram: content-free pages with buttons, and, only where an operator has chosen it, the talk itself in a
forum topic for each case. A view of the desk's commands like any other: who presses must have bound the account.

Nothing is ever forwarded: a forward would show who wrote. What is said here goes out through the outbox; only the answer to a
press, which stops its spinner, is given at once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import structlog
from telegram import Bot, InlineKeyboardButton, InlineKeyboardMarkup, LinkPreviewOptions

from bot.channels.pages import words
from bot.channels.telegram_api import TelegramApi, Told
from bot.channels.telegram_talks import TelegramTalks
from bot.channels.telegram_updates import GroupEvent
from handlers import paging
from handlers.accounts import Bind, bind, code_in, whose
from handlers.desk import Claim, Close, Desk, Offer, PassUp, Release
from handlers.errors import AlreadyClaimed, BinhAnError, StorageUnavailable
from handlers.model import Address, Disposition, Outcome, SendJob, Staff
from handlers.passing import colleagues
from handlers.ports import Door, Finding, SendResult, UnitOfWork
from handlers.vaulting import alone

log = structlog.get_logger()

NO_PREVIEW = LinkPreviewOptions(is_disabled=True)
LOUD = (paging.CALLS, paging.OWED, paging.ALARM)
COLLEAGUES = 12  # offered at once, by alias
TRIES = 5  # of what a press has asked for; after that she presses again
AGAIN = timedelta(seconds=2)

ANSWERS = {
    "claimed": "Ca này là của bạn. Mở bàn trực để đọc và trả lời.",
    "already-claimed": "Ca này đã có người nhận",
    "not-wished": "Người viết xin được nói chuyện với người trực khác. Máy đang gọi người đó.",
    "stale-claim": "Ca đã gọi lại từ đầu. Bấm nút ở tin mới nhất.",
    "not-yours": "Chỉ người đang giữ ca mới làm được. Nhận ca trước đã.",
    "no-such-case": "Không có ca này, hoặc ca đã xong.",
    "case-closed": "Ca đã đóng.",
    "not-allowed": "Bạn không có quyền làm việc này.",
    "passed": "Đã chuyển lên bậc sau.",
    "offered": "Đã hỏi. Ca vẫn là của bạn đến khi người đó nhận.",
    "whom": "Chuyển cho ai? Chọn ở dưới.",
    "closed": "Đã đóng: báo nhầm.",
    "released": "Đã trả lại. Ca đang gọi người khác.",
    "unbound": "Chưa biết bạn là ai. Xin mã ở người quản lý, rồi gõ trong nhóm: /gan và mã.",
    "later": "Chưa làm được lúc này. Bạn bấm lại sau ít giây.",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupSettings:
    """What an operator has written about the group."""

    chat_id: int
    relay_content: bool = False
    desk_url: str = ""  # a button that opens the desk page; empty where it has no public address


class TelegramGroup:
    """The staff surface `group:<channel>` (a `handlers.ports.Surface`), and what staff do there."""

    def __init__(
        self,
        channel: str,
        api: TelegramApi,
        settings: GroupSettings,
        *,
        door: Door,
        desk: Desk,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """`api` is the bot's; `desk` carries out what is pressed."""
        self.name = surface_of(channel)
        self.chat_id = settings.chat_id
        self._channel, self._api, self._settings = channel, api, settings
        self._door, self._desk, self._clock = door, desk, clock
        self._chat = str(settings.chat_id)
        self.talks = TelegramTalks(self.name, api, self._chat, door, desk, clock) if settings.relay_content else None
        self._background: set[asyncio.Task[None]] = set()  # tasks must be kept somewhere until they end

    # --- pages ---------------------------------------------------------------------------------------------------------

    async def page(self, job: SendJob) -> SendResult:
        """Show one page, change the one that is there, or take away what is shown of a case."""
        note = job.row.note
        if note == paging.FORGET:
            return await self._forget(job)
        if self.talks is not None and self.talks.is_about_a_talk(job):
            return await self.talks.page(job)
        if note in (paging.TAKEN, paging.OVER):
            return await self._change(job)
        return await self._show(job)

    async def _show(self, job: SendJob) -> SendResult:
        text, markup = f"Bình An. {words(job, self._clock())}", self._buttons(job)
        loud = job.row.note.partition(":")[0] in LOUD
        told = await self._in_group(lambda bot: self._say(bot, text, markup, loud=loud))
        return told.result((str(told.value.message_id),) if told.value is not None else ())

    async def _change(self, job: SendJob) -> SendResult:
        """The newest page of the case says what became of it; the older ones go away. Without one, it is said anew."""
        shown = await self._shown(job)
        if not shown:
            return await self._show(job)
        text, markup = f"Bình An. {words(job, self._clock())}", self._buttons(job)
        newest = int(shown[-1])
        told = await self._in_group(
            lambda bot: bot.edit_message_text(
                text, self.chat_id, newest, reply_markup=markup, link_preview_options=NO_PREVIEW
            )
        )
        if told.outcome is Outcome.FAILED:  # it is gone, or says this already
            return await self._show(job)
        if told.done and len(shown) > 1:
            older = [int(one) for one in shown[:-1]]
            await self._in_group(lambda bot: bot.delete_messages(self.chat_id, older))
            await self._only(job, shown[-1])
        return told.result()

    async def _forget(self, job: SendJob) -> SendResult:
        """The case is destroyed: its topic goes, and what names it, as far as the platform allows."""
        if self.talks is not None:
            gone = await self.talks.forget(job)
            if gone is not None:
                return gone
        shown = await self._shown(job)
        if shown:
            ids = [int(one) for one in shown]
            told = await self._in_group(lambda bot: bot.delete_messages(self.chat_id, ids))
            if told.outcome is Outcome.RETRY:
                return told.result()
        await self._only(job, "")
        return SendResult(outcome=Outcome.SENT)

    async def _say(self, bot: Bot, text: str, markup: InlineKeyboardMarkup | None, *, loud: bool) -> Any:
        return await bot.send_message(
            self.chat_id,
            text,
            reply_markup=markup,
            disable_notification=not loud,
            protect_content=True,
            link_preview_options=NO_PREVIEW,
        )

    def _buttons(self, job: SendJob) -> InlineKeyboardMarkup | None:
        code, epoch, note = job.case_code, job.row.epoch or 1, job.row.note
        claim = InlineKeyboardButton("Nhận ca", callback_data=f"c:{code}:{epoch}")
        rows: list[list[InlineKeyboardButton]] = []
        if note == paging.CALLS:
            rows = [[claim, InlineKeyboardButton("Chuyển lên", callback_data=f"u:{code}:{epoch}")]]
        elif note in (paging.WAITS, paging.OFFERED):
            rows = [[claim]]
        elif note in (paging.TAKEN, paging.OWED, paging.LEAVES, paging.ALONE):
            hand = InlineKeyboardButton("Chuyển cho người khác", callback_data=f"w:{code}")
            back = InlineKeyboardButton("Trả lại", callback_data=f"r:{code}")
            rows = [[hand, back], [InlineKeyboardButton("Báo nhầm", callback_data=f"f:{code}")]]
        if rows and self._settings.desk_url:
            rows.append([InlineKeyboardButton("Mở bàn trực", url=self._settings.desk_url)])
        return InlineKeyboardMarkup(rows) if rows else None

    async def _in_group(self, act: Callable[[Bot], Any]) -> Told[Any]:
        return await self._api.in_chat(self._chat, act, group=True)

    async def _shown(self, job: SendJob) -> list[str]:
        case_uid = job.row.case_uid or ""
        return await self._door.read(lambda uow: [one.handle for one in uow.handles.of(case_uid, "page", self.name)])

    async def _only(self, job: SendJob, kept: str) -> None:
        """Remember this page of the case alone, or none."""
        case_uid = job.row.case_uid or ""

        def work(uow: UnitOfWork) -> None:
            left = [one for one in uow.handles.of(case_uid, "page") if one.channel != self.name or one.handle == kept]
            uow.handles.drop(case_uid, "page")
            uow.handles.add(left)

        await alone(self._door, work)

    # --- what staff do --------------------------------------------------------------------------------------------------

    async def take(self, event: GroupEvent) -> None:
        """A press or a message in the group. Raises StorageUnavailable when it could not be dealt with."""
        if event.query_id:
            await self._pressed(event)
        elif code_in(event.text):
            await self._bind(event)
        elif self.talks is not None and event.topic_id:
            await self.talks.take(event, await self._who(event))

    async def _who(self, event: GroupEvent) -> Staff | None:
        return await self._door.read(lambda uow: whose(uow, Address(self._channel, event.who)))

    async def _bind(self, event: GroupEvent) -> None:
        """The code is spent and taken off the wall; nobody else in the group could use it any more."""
        command = Bind(address=Address(self._channel, event.who), code=code_in(event.text))
        staff = await self._door.run(bind, command)
        await self._api.ask(lambda bot: bot.delete_message(self.chat_id, event.message_id))
        note = paging.BOUND if staff is not None else paging.NOT_BOUND
        await alone(self._door, lambda uow: paging.tell_group(uow, self.name, note=note))

    async def _pressed(self, event: GroupEvent) -> None:
        staff = await self._who(event)
        if staff is None:
            await self._answer(event, "unbound")
            return
        act, _, rest = event.data.partition(":")
        code, _, more = rest.partition(":")
        try:
            said = await self._do(staff, act, code, more, event)
        except StorageUnavailable:
            await self._answer(event, "later")
            raise
        except AlreadyClaimed as error:
            await self._answer(event, error.code, error.detail)
        except BinhAnError as error:
            await self._answer(event, error.code)
        else:
            await self._answer(event, said)

    async def _do(self, staff: Staff, act: str, code: str, more: str, event: GroupEvent) -> str:
        epoch = int(more) if more.isdecimal() and len(more) < 6 else 0
        match act:
            case "c":
                await self._door.run(self._desk.claim, Claim(staff_uid=staff.uid, case_code=code, epoch=epoch))
                return "claimed"
            case "u":
                await self._door.run(self._desk.pass_up, PassUp(staff_uid=staff.uid, case_code=code, epoch=epoch))
                return "passed"
            case "r":
                await self._door.run(self._desk.release, Release(staff_uid=staff.uid, case_code=code))
                return "released"
            case "f":
                false_alarm = Close(staff_uid=staff.uid, case_code=code, disposition=Disposition.FALSE_ALARM)
                await self._door.run(self._desk.close, false_alarm)
                return "closed"
            case "w":
                return await self._ask_whom(staff, code, event)
            case "t":
                to_uid = await self._door.read(lambda uow: _uid_beginning(uow, more))
                await self._door.run(self._desk.offer, Offer(staff_uid=staff.uid, case_code=code, to_staff_uid=to_uid))
                return "offered"
            case _:
                return "stale-claim"

    async def _ask_whom(self, staff: Staff, code: str, event: GroupEvent) -> str:
        """Colleagues as buttons under the page, by alias."""
        others = await self._door.read(lambda uow: colleagues(uow, staff)[:COLLEAGUES])
        buttons = [InlineKeyboardButton(one.alias, callback_data=f"t:{code}:{one.uid[:12]}") for one in others]
        markup = InlineKeyboardMarkup([buttons[start : start + 2] for start in range(0, len(buttons), 2)])
        task = asyncio.get_running_loop().create_task(self._put_under(event.message_id, markup))
        self._background.add(task)
        task.add_done_callback(self._background.discard)
        return "whom"

    async def _put_under(self, message_id: int, markup: InlineKeyboardMarkup) -> None:
        """Beside whatever else happens: the group's budget may be spent for some seconds, and others press meanwhile."""
        for _ in range(TRIES):
            told = await self._in_group(
                lambda bot: bot.edit_message_reply_markup(self.chat_id, message_id, reply_markup=markup)
            )
            if told.outcome is not Outcome.RETRY:
                return
            await asyncio.sleep((told.retry_after or AGAIN).total_seconds())

    async def _answer(self, event: GroupEvent, said: str, detail: str = "") -> None:
        text = ANSWERS.get(said, ANSWERS["later"]) + (f": {detail}." if detail else "")
        await self._api.ask(lambda bot: bot.answer_callback_query(event.query_id, text=text, show_alert=True))

    def close(self) -> None:
        """Nothing more is done beside."""
        for task in list(self._background):
            task.cancel()

    # --- looking after it ------------------------------------------------------------------------------------------------

    async def check(self) -> list[Finding]:
        """Is the bot in the group, with the rights it needs? And is the talk shown there?"""
        me = await self._api.ask(lambda bot: bot.get_me())
        if me.value is None:
            return []
        bot_id = me.value.id
        seen = await self._api.ask(lambda bot: bot.get_chat_member(self.chat_id, bot_id))
        if seen.value is None:
            return [Finding(False, "the bot is not in the staff group; add it, and check staff_group.chat_id")]
        rights = {name: bool(getattr(seen.value, name, False)) for name in ("can_delete_messages", "can_manage_topics")}
        found = [Finding(True, "the bot is in the staff group")]
        if not rights["can_delete_messages"]:
            found.append(Finding(False, "make the bot an administrator of the staff group who may delete messages"))
        if self._settings.relay_content:
            if not rights["can_manage_topics"]:
                found.append(Finding(False, "turn topics on in the staff group, and let the bot manage them"))
            found.append(
                Finding(
                    True,
                    "relay_content is on: Telegram keeps what people write, on every phone in the group; the desk page is safer",
                    care=True,
                )
            )
        return found


def surface_of(channel: str) -> str:
    """The name of the surface that a channel's staff group is."""
    return f"group:{channel}"


def _uid_beginning(uow: UnitOfWork, start: str) -> str:
    """The staff uid that begins so; "" when none or several do."""
    found = [one.uid for one in uow.staff.all() if len(start) == 12 and one.uid.startswith(start)]
    return found[0] if len(found) == 1 else ""
