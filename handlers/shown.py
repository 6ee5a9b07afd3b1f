"""How her messages read in the transcript: her text, or what she pressed or shared. Never a return code that works."""

from __future__ import annotations

from collections.abc import Sequence

from handlers.model import MessageKind, StoredMessage
from handlers.outgoing import AGREE, DECLINE
from handlers.seeker import OPENED
from handlers.world import World

CODE_TYPED = "▸ gõ mã quay lại"


def shown(message: StoredMessage, world: World, visited: Sequence[str] = ()) -> str:
    """The line of this message; `visited` are the steps and choices that it led through, in the words of the flow."""
    match message.kind:
        case MessageKind.TEXT:
            return message.text
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
        case MessageKind.UNSUPPORTED:
            return "▸ gửi thứ máy không đọc được (ảnh, giọng nói …)"


def _chosen(message: StoredMessage, world: World, visited: Sequence[str]) -> str:
    if message.choice in (AGREE, DECLINE):
        return world.library.say("yes" if message.choice == AGREE else "no")
    for place in visited:
        step, _, choice_id = place.partition(":")
        flow_name, _, step_name = step.partition(".")
        flow = world.library.flows.get(flow_name)
        written = flow.steps.get(step_name) if flow is not None else None
        if choice_id and written is not None and written.choices and choice_id in written.choices:
            return written.choices[choice_id].label
    return "một lựa chọn"
