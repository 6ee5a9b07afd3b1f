"""How one outgoing message looks on a platform, from nothing but its declared capabilities. Pure.

Buttons where they exist and fit, otherwise numbered choices in the text; both always accept typed text.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from flows.effects import Button
from handlers.model import Outgoing
from handlers.ports import Capabilities

BUTTONS_PER_ROW = 2
WIDE_LABEL = 16  # a longer label has a row of its own


@dataclass(frozen=True, slots=True)
class Rendered:
    """What a platform is asked to show: texts in order, and rows of buttons under the last."""

    texts: tuple[str, ...] = field(repr=False)
    rows: tuple[tuple[Button, ...], ...] = field(default=(), repr=False)


def length(text: str, unit: str) -> int:
    """The length of a text as the platform counts it: "chars" (code points), "utf16" (units) or "bytes" (UTF-8)."""
    if unit == "utf16":
        return len(text.encode("utf-16-le", "surrogatepass")) // 2
    if unit == "bytes":
        return len(text.encode("utf-8", "surrogatepass"))
    return len(text)


def render(outgoing: Outgoing, capabilities: Capabilities) -> Rendered:
    """Fit a message into what the platform can show; nothing is cut off, longer texts become several."""
    # A NUL, a lone surrogate or another control character would make the platform refuse the whole message.
    text = "".join(
        char for char in outgoing.text if char in "\n\t" or (char >= " " and not "\ud800" <= char <= "\udfff")
    )
    if outgoing.buttons and not _fits(outgoing.buttons, capabilities):
        numbered = [f"{number}. {button.label}" for number, button in enumerate(outgoing.buttons, start=1)]
        return Rendered(split("\n".join([text, *numbered]), capabilities))
    return Rendered(split(text, capabilities), _rows(outgoing.buttons))


def _fits(buttons: tuple[Button, ...], capabilities: Capabilities) -> bool:
    return (
        capabilities.buttons
        and len(buttons) <= capabilities.max_buttons
        and all(
            0 < len(button.data.encode()) <= capabilities.max_button_data_bytes
            and length(button.label, capabilities.unit) <= capabilities.max_button_label
            for button in buttons
        )
    )


def _rows(buttons: tuple[Button, ...]) -> tuple[tuple[Button, ...], ...]:
    rows: list[list[Button]] = []
    for button in buttons:
        wide = len(button.label) > WIDE_LABEL
        if rows and not wide and len(rows[-1]) < BUTTONS_PER_ROW and len(rows[-1][0].label) <= WIDE_LABEL:
            rows[-1].append(button)
        else:
            rows.append([button])
    return tuple(tuple(row) for row in rows)


def split(text: str, capabilities: Capabilities) -> tuple[str, ...]:
    """Cut a text into pieces the platform takes: at line ends, else sentence ends, else spaces, else anywhere."""
    pieces: list[str] = []
    rest = text.strip()
    while length(rest, capabilities.unit) > capabilities.max_text:
        head = _longest(rest, capabilities)
        cut = max(head.rfind("\n"), *(head.rfind(end) + 1 for end in (". ", "! ", "? ")))
        soon = max(1, len(head) // 3)  # a cut nearer to the start would make pieces too small, or none at all
        if cut < soon:
            cut = head.rfind(" ")
        if cut < soon:
            cut = len(head)
        pieces.append(rest[:cut].strip())
        rest = rest[cut:].strip()
    return tuple(filter(None, [*pieces, rest]))


def _longest(text: str, capabilities: Capabilities) -> str:
    """The longest beginning of the text that the platform takes."""
    low, high = 1, min(len(text), capabilities.max_text)
    while low < high:
        middle = (low + high + 1) // 2
        if length(text[:middle], capabilities.unit) <= capabilities.max_text:
            low = middle
        else:
            high = middle - 1
    return text[:low]
