"""The talk of a case in a forum topic of the staff group: only with `relay_content`, only for the counsellor who holds the case.

The topic is named by the case's code. What the seeker writes is said anew, never forwarded; several lines at once are one
message, because the group takes few. What the owner writes goes to the seeker, what she writes as a reply to a message of the
topic is a note for colleagues. When the case is destroyed, so is the topic.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any, TypeVar

import structlog
from telegram import Bot, LinkPreviewOptions

from bot.channels.render import split
from bot.channels.sending import Progress
from bot.channels.telegram_api import TelegramApi, Told
from bot.channels.telegram_updates import GroupEvent
from flows.platforms import TELEGRAM
from handlers import paging
from handlers.desk import CaseView, Desk, Note, ReadLines, Reply
from handlers.errors import BinhAnError, StorageUnavailable
from handlers.model import DeskLine, Direction, Outcome, SendJob, Staff
from handlers.ports import Door, Handle, SendResult, UnitOfWork
from handlers.vaulting import alone

log = structlog.get_logger()

T = TypeVar("T")

HERE = "tg-topic:"
"""What the key of a line begins with that was written in a topic: it is not said there again."""

NO_PREVIEW = LinkPreviewOptions(is_disabled=True)
WHO = {"seeker": "Người viết", "bot": "Máy"}


class TelegramTalks:
    """The topics of one group."""

    def __init__(self, surface: str, api: TelegramApi, chat: str, door: Door, desk: Desk) -> None:
        """`chat` is the group's id."""
        self._surface, self._api, self._chat = surface, api, chat
        self._door, self._desk = door, desk
        self._progress = Progress()

    # --- into the topic --------------------------------------------------------------------------------------------------

    @staticmethod
    def is_about_a_talk(job: SendJob) -> bool:
        """Does this belong into the topic of a case?"""
        return job.row.note == paging.LINES or job.row.note.startswith(f"{paging.REFUSED}:")

    async def page(self, job: SendJob) -> SendResult:
        """Show what is new in the topic, or why something that was written there did not go out."""
        if job.row.note != paging.LINES:
            topic = await self._topic(job)
            if topic is None:
                return SendResult(outcome=Outcome.SENT)
            return await self._say(int(topic.handle), REFUSALS.get(job.row.note.partition(":")[2], REFUSALS[""]))
        return await self._show_lines(job)

    async def _show_lines(self, job: SendJob) -> SendResult:
        topic = await self._topic(job)
        after = topic.seq if topic is not None else 0
        try:
            view = await self._view(job, after)
        except StorageUnavailable:
            raise
        except BinhAnError:
            return SendResult(outcome=Outcome.SENT)  # nobody holds it any more, or it may not be read: nothing is shown
        lines = [line for line in view.lines if not (line.client_key or "").startswith(HERE)]
        if not view.lines:
            return SendResult(outcome=Outcome.SENT)
        if topic is None:
            opened = await self._open_topic(job)
            if isinstance(opened, SendResult):
                return opened
            topic = opened
        here = int(topic.handle)
        said = await self._progress.send(job.row.uid, _messages(lines), lambda text: self._say(here, text))
        if said.outcome is Outcome.SENT:
            await self._keep(job, topic.handle, view.lines[-1].seq)
        return replace(said, handles=())

    async def _open_topic(self, job: SendJob) -> Handle | SendResult:
        told = await self._in_group(lambda bot: bot.create_forum_topic(int(self._chat), job.case_code))
        if told.value is None:
            return told.result()
        return await self._keep(job, str(told.value.message_thread_id), 0)

    async def _view(self, job: SendJob, after: int) -> CaseView:
        """Read as the counsellor who holds it, and audited as her reading."""
        ask = ReadLines(staff_uid=job.row.staff_uid or "", case_code=job.case_code, after_seq=after)
        return await self._door.run(self._desk.read_lines, ask)

    async def _say(self, topic_id: int, text: str) -> SendResult:
        async def act(bot: Bot) -> Any:
            return await bot.send_message(
                int(self._chat), text, message_thread_id=topic_id, protect_content=True, link_preview_options=NO_PREVIEW
            )

        return (await self._in_group(act)).result()

    async def _in_group(self, act: Callable[[Bot], Awaitable[T]]) -> Told[T]:
        """Within the group's budget, and within a part of it: a long talk must leave room for calls."""
        return await self._api.in_chat(self._chat, act, group=True, part="talks")

    async def forget(self, job: SendJob) -> SendResult | None:
        """Take the topic away with all that stands in it; None when that is done."""
        topic = await self._topic(job)
        if topic is None:
            return None
        told = await self._in_group(lambda bot: bot.delete_forum_topic(int(self._chat), int(topic.handle)))
        if told.outcome is Outcome.RETRY:
            return told.result()
        if not told.done:
            log.error("telegram.topic_not_deleted", case=job.case_code, error=told.error)
        await alone(self._door, lambda uow: uow.handles.drop(topic.owner_uid, "topic"))
        return None

    async def _topic(self, job: SendJob) -> Handle | None:
        found = await self._door.read(lambda uow: uow.handles.of(job.row.case_uid or "", "topic", self._surface))
        return found[-1] if found else None

    async def _keep(self, job: SendJob, handle: str, seq: int) -> Handle:
        def work(uow: UnitOfWork) -> Handle:
            kept = Handle(
                kind="topic",
                owner_uid=job.row.case_uid or "",
                channel=self._surface,
                handle=handle,
                seq=seq,
                at=uow.now,
            )
            uow.handles.add([kept])
            return kept

        return await alone(self._door, work)

    # --- out of the topic --------------------------------------------------------------------------------------------------

    async def take(self, event: GroupEvent, staff: Staff | None) -> None:
        """A message in a topic: a line to the seeker, or a note, from whoever holds the case."""
        topic = await self._door.read(lambda uow: uow.handles.find("topic", self._surface, str(event.topic_id)))
        if topic is None:
            return
        code = await self._door.read(lambda uow: _code_of(uow, topic.owner_uid))
        why = "unbound" if staff is None else ("media" if event.has_more else "")
        if not why and staff is not None and code:
            why = await self._write(event, staff, code)
        if why:
            await alone(self._door, lambda uow: paging.refuse(uow, self._surface, topic.owner_uid, why))

    async def _write(self, event: GroupEvent, staff: Staff, code: str) -> str:
        key = f"{HERE}{event.update_id}"
        try:
            if event.is_reply:
                note = Note(staff_uid=staff.uid, case_code=code, text=event.text, client_key=key)
                await self._door.run(self._desk.note, note)
            else:
                reply = Reply(staff_uid=staff.uid, case_code=code, text=event.text, client_key=key)
                saved = await self._door.run(self._desk.reply, reply)
                return "held" if saved.held else ""
        except StorageUnavailable:
            raise
        except BinhAnError as error:
            return error.code
        return ""


REFUSALS = {
    "": "Chưa gửi được. Trả lời trên bàn trực.",
    "held": "Đã lưu. Tin chờ đến khi người viết nhắn lại.",
    "unbound": "Chưa gửi: tài khoản này chưa gắn với ai. Xin mã ở người quản lý, rồi gõ trong nhóm: /gan và mã.",
    "media": "Chưa gửi: ở đây chỉ chuyển được chữ.",
    "not-yours": "Chưa gửi: chỉ người đang giữ ca mới nhắn được cho người viết.",
    "not-agreed": "Chưa gửi: người viết chưa đồng ý nói chuyện với người trực.",
    "not-reachable": "Chưa gửi: không còn gửi tới người viết được nữa.",
    "window-shut": "Chưa gửi: kênh này đã hết hạn trả lời. Chờ người viết nhắn lại.",
    "case-closed": "Chưa gửi: ca đã đóng.",
}


MOST = TELEGRAM.max_text // 2
"""Letters of several lines put together: half of what a message takes, because letters may count double."""


def _messages(lines: list[DeskLine]) -> list[str]:
    """The lines as few messages, in order. Of an unchanged beginning the same messages, however many lines follow."""
    texts: list[str] = []
    for line in lines:
        first, *rest = split(_line(line), replace(TELEGRAM, max_text=MOST)) or ("…",)
        if texts and len(texts[-1]) + len(first) + 2 <= MOST:
            texts[-1] += f"\n\n{first}"
        else:
            texts.append(first)
        texts += rest
    return texts


def _line(line: DeskLine) -> str:
    who = WHO.get(line.author, line.author)
    if line.direction is Direction.NOTE:
        who = f"Ghi chú của {who}"
    return f"{who}:\n{line.text}"


def _code_of(uow: UnitOfWork, case_uid: str) -> str:
    try:
        return uow.cases.get(case_uid).code
    except KeyError:
        return ""
