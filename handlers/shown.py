"""How her messages read in the transcript: her text, or what she pressed or shared. Never a return code that works."""

from __future__ import annotations

from collections.abc import Sequence

from handlers.closing import LEAVE, TAKE
from handlers.model import MediaKind, MessageKind, StoredMessage
from handlers.outgoing import AGREE, DECLINE
from handlers.seeker import OPENED
from handlers.world import World

_HOSTS_OWN = {AGREE: "yes", DECLINE: "no", TAKE: "take_code", LEAVE: "code_later"}
"""Buttons that belong to the host: their data, and the phrase that is their label."""

UNSPOKEN = "▸"
"""Begins every line that is not, or not only, what she typed."""
CODE_TYPED = f"{UNSPOKEN} gõ mã quay lại"
EDITED = "▸ sửa một tin đã gửi"
JOINED = "▸ theo dõi kênh, hoặc mở khung nhắn tin"
UNREADABLE = "▸ gửi thứ máy không đọc được (ảnh, giọng nói …)"
_SENT = {MediaKind.IMAGE: "▸ gửi ảnh", MediaKind.VOICE: "▸ gửi lời nói"}


def shown(message: StoredMessage, world: World, visited: Sequence[str] = ()) -> str:
    """The line of this message; `visited` are the steps and choices that it led through, in the words of the flow."""
    match message.kind:
        case MessageKind.TEXT:
            return message.text
        case MessageKind.EDITED:
            return f"{EDITED}: {message.text}"
        case MessageKind.CODE:
            return CODE_TYPED
        case MessageKind.CHOICE:
            return f"▸ {_chosen(message, world, visited)}"
        case MessageKind.LOCATION:
            names = [world.gazetteer.name(code) for code in message.communes[:1]]
            return f"▸ vị trí: gần {names[0]}" if names else "▸ vị trí: ngoài tỉnh"
        case MessageKind.START:
            return OPENED
        case MessageKind.BLOCKED:
            return "▸ đã chặn hoặc rời kênh này"
        case MessageKind.JOINED:
            return JOINED
        case MessageKind.WITHHELD:
            return "▸ gửi điều mà nền tảng không cho đọc (có thể là trẻ em)"
        case MessageKind.WITHDRAWN:
            return "▸ rút lại sự đồng ý trên nền tảng"
        case MessageKind.UNSUPPORTED:
            sent = _SENT[message.attachment.kind] if message.attachment is not None else UNREADABLE
            return f"{sent}: {message.text}" if message.text.strip() else sent


def _chosen(message: StoredMessage, world: World, visited: Sequence[str]) -> str:
    if message.choice in _HOSTS_OWN:
        return world.library.say(_HOSTS_OWN[message.choice])
    for place in visited:
        step, _, choice_id = place.partition(":")
        flow_name, _, step_name = step.partition(".")
        flow = world.library.flows.get(flow_name)
        written = flow.steps.get(step_name) if flow is not None else None
        if choice_id and written is not None and written.choices and choice_id in written.choices:
            return written.choices[choice_id].label
    return "một lựa chọn"
