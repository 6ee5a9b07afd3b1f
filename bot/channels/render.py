"""How one outgoing message looks on a platform, from nothing but its declared capabilities. Pure.

Buttons where they exist, otherwise numbered choices in the text; both always accept typed text. A long list of choices goes on
in the next message. Nothing is cut off: a long text becomes several messages, cut where a sentence ends. And whatever becomes
the beginning of a message is neutral, because a locked screen shows it.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, fields, replace
from typing import TypeVar

from flows.checks.wording import preview, sensitive_in, written_numbers
from flows.effects import Button
from flows.platforms import CHOICES_PER_MESSAGE, Capabilities, numbered
from flows.text import length
from handlers.model import Outgoing, Pin
from handlers.voice import Voice

BUTTONS_PER_ROW = 2
WIDE_LABEL = 16  # a longer label has a row of its own
LEAST_PART = 3  # a cut before a third of what would fit makes pieces too small

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Words:
    """What rendering itself has to say, in one language. The two leads are longer than a preview (`flows check` sees to it),
    so that nothing behind them is in it.
    """

    continued: str = "Mình nhắn tiếp phần còn lại ở ngay dưới đây nhé."
    opened: str = "Bình An đây. Bạn có tin mới, bạn đọc khi tiện nhé."
    more_choices: str = "Bạn còn chọn được ở đây nữa nhé."
    only_choice: str = "Hoặc bạn gõ: {label}"
    type_number: str = "Bạn gõ số, hoặc viết bằng lời cũng được."
    ask_location: str = "Nếu tiện, bạn bấm nút dưới để gửi vị trí. Không thì bạn gõ tên xã ở đây."
    share_location: str = "Gửi vị trí của mình"


VIETNAMESE = Words()

Wording = Callable[[str], Words]
"""The words in a language, as `Outgoing.language` names it; "" for the language of the content set."""


def wording(voice: Voice) -> Wording:
    """The words as the content set says them: the phrases with the names of the fields above."""

    def words(language: str) -> Words:
        said = {one.name: voice.say(one.name, language) for one in fields(Words) if one.name != "only_choice"}
        return Words(**said, only_choice=voice.say("only_choice", language, label="{label}"))

    return words


def vietnamese(language: str) -> Words:
    """The wording where no content set is at hand."""
    return VIETNAMESE


@dataclass(frozen=True, slots=True)
class Part:
    """One message as the platform shows it."""

    text: str = field(repr=False)
    rows: tuple[tuple[Button, ...], ...] = field(default=(), repr=False)
    audio: str = ""  # SHA-256 (hex) of the recording that the text is the caption of

    @property
    def buttons(self) -> tuple[Button, ...]:
        """All buttons under it."""
        return tuple(button for row in self.rows for button in row)


@dataclass(frozen=True, slots=True)
class Rendered:
    """What a platform is asked to show, in this order. With `audio` and no part that has it, the recording comes first."""

    parts: tuple[Part, ...]
    audio: str = ""  # SHA-256 (hex) of the recording, where the platform can play one
    pins: tuple[Pin, ...] = ()  # points to show behind the text, where the platform shows maps
    share: str = ""  # label of the platform's own button that shares a point, under the last part; "" for none

    @property
    def texts(self) -> tuple[str, ...]:
        """The texts in order."""
        return tuple(part.text for part in self.parts)


def render(outgoing: Outgoing, capabilities: Capabilities, words: Words = VIETNAMESE) -> Rendered:
    """Fit a message into what the platform can show."""
    text = _printable(outgoing.text)
    parts = list(_parts(text, outgoing.buttons, capabilities, words))
    asks = outgoing.wants_location and capabilities.asks_location
    audio = outgoing.audio if capabilities.audio else ""
    if audio and len(parts) == 1 and length(parts[0].text, capabilities.unit) <= capabilities.max_caption:
        parts[0] = replace(parts[0], audio=audio)
    if asks:  # the buttons of a message and this one exclude each other, so it has a message of its own
        parts.append(Part(words.ask_location))
    pins = outgoing.pins if capabilities.pins else ()
    return Rendered(tuple(parts), audio, pins, words.share_location if asks else "")


def _printable(text: str) -> str:
    """Composed letters only: a NUL, a lone surrogate or a control character would make the platform refuse it all."""
    kept = (char for char in text if char in "\n\t" or (char >= " " and not "\ud800" <= char <= "\udfff"))
    return unicodedata.normalize("NFC", "".join(kept))


def _parts(text: str, buttons: tuple[Button, ...], capabilities: Capabilities, words: Words) -> Iterator[Part]:
    if not buttons:
        yield from map(Part, _pieces(text, capabilities, words))
    elif _pressable(buttons, capabilities):
        yield from _with_buttons(text, buttons, capabilities, words)
    else:
        yield from map(Part, _with_numbers(text, buttons, capabilities, words))


def _pressable(buttons: tuple[Button, ...], capabilities: Capabilities) -> bool:
    """Can the platform carry what these buttons stand for?"""
    most = capabilities.max_button_data_bytes
    return capabilities.buttons and all(0 < len(button.data.encode()) <= most for button in buttons)


def _with_buttons(text: str, buttons: tuple[Button, ...], capabilities: Capabilities, words: Words) -> Iterator[Part]:
    """The question with its first buttons, then further messages with the rest. Labels too long for a button are listed in
    the text, and the buttons show their numbers.
    """
    fits = all(0 < length(button.label, capabilities.unit) <= capabilities.max_button_label for button in buttons)
    if not fits:
        text = f"{text}\n{numbered([button.label for button in buttons])}"
        buttons = tuple(Button(str(number), button.data) for number, button in enumerate(buttons, start=1))
    first, *others = _chunks(buttons, capabilities.max_buttons)
    *before, question = _pieces(text, capabilities, words) or [words.more_choices]
    yield from map(Part, before)
    yield Part(question, _rows(first))
    for more in others:
        yield Part(words.more_choices, _rows(more))


def _with_numbers(text: str, buttons: tuple[Button, ...], capabilities: Capabilities, words: Words) -> list[str]:
    """The choices printed under the question. A single one (to pass on the question) has no number: the answer may be one."""
    labels = [button.label for button in buttons]
    if len(labels) == 1:
        only = words.only_choice.replace("{label}", labels[0])
        return _pieces(f"{text}\n{only}", capabilities, words)
    pages = _chunks(labels, CHOICES_PER_MESSAGE)
    shown: list[str] = []
    for index, page in enumerate(pages):
        lines = [numbered(page, first=1 + index * CHOICES_PER_MESSAGE)]
        if index == 0:
            lines.insert(0, text)
        if index == len(pages) - 1:
            lines.append(words.type_number)
        shown += _pieces("\n".join(lines), capabilities, words, begins=index == 0)
    return shown


def _chunks(items: list[T] | tuple[T, ...], size: int) -> list[tuple[T, ...]]:
    return [tuple(items[at : at + size]) for at in range(0, len(items), max(1, size))]


def _rows(buttons: tuple[Button, ...]) -> tuple[tuple[Button, ...], ...]:
    rows: list[list[Button]] = []
    for button in buttons:
        wide = len(button.label) > WIDE_LABEL
        if rows and not wide and len(rows[-1]) < BUTTONS_PER_ROW and len(rows[-1][0].label) <= WIDE_LABEL:
            rows[-1].append(button)
        else:
            rows.append([button])
    return tuple(tuple(row) for row in rows)


# --- long texts, and what a locked screen shows of them -----------------------------------------------------------------


def _pieces(text: str, capabilities: Capabilities, words: Words, *, begins: bool = True) -> list[str]:
    """The text in pieces the platform takes, each with a neutral beginning. `begins`: it is the first message of its kind."""
    most, unit = capabilities.max_text, capabilities.unit
    room = 1 + max(length(lead, unit) for lead in (words.continued, words.opened))
    fits_whole = length(text, unit) <= most and is_neutral(text)
    if not capabilities.previews or fits_whole or room * 2 > most:  # no room for a lead: only in tests
        return list(split(text, capabilities))
    return [
        piece if is_neutral(piece) else f"{words.opened if begins and index == 0 else words.continued}\n{piece}"
        for index, piece in enumerate(split(text, replace(capabilities, max_text=most - room)))
    ]


def is_neutral(text: str) -> bool:
    """May a locked screen show how this begins? No telling word, and no number to call."""
    return sensitive_in(text) is None and not written_numbers(preview(text))


def split(text: str, capabilities: Capabilities) -> tuple[str, ...]:
    """Cut a text into pieces the platform takes: at line ends, else sentence ends, else spaces, else anywhere; a number to
    call is not cut where anything else can be.
    """
    pieces: list[str] = []
    rest = text.strip()
    while length(rest, capabilities.unit) > capabilities.max_text:
        head = _longest(rest, capabilities)
        cut = _cut(head, rest)
        pieces.append(rest[:cut].strip())
        rest = rest[cut:].strip()
    return tuple(filter(None, [*pieces, rest]))


_SENTENCE_ENDS = (". ", "! ", "? ", "… ", ".” ", "!” ", "?” ")


def _cut(head: str, rest: str) -> int:
    """Where to cut a text whose beginning `head` is the longest the platform takes."""
    soon = max(1, len(head) // LEAST_PART)
    looked_at = rest[: len(head) + 1]  # what stands right behind the limit may be the blank to cut at
    for ends in (("\n\n",), ("\n",), _SENTENCE_ENDS):
        cut = max(_after(looked_at, end) for end in ends)
        if soon <= cut <= len(head):
            return cut
    blank = looked_at.rfind(" ")
    while blank >= soon and _inside_a_number(rest, blank):
        blank = looked_at.rfind(" ", 0, blank)
    if blank >= soon:
        return blank
    return _between_signs(rest, len(head))


def _after(text: str, end: str) -> int:
    """Right before the blank or line break of the last such end; -1 without one."""
    at = text.rfind(end)
    return at if at < 0 or end[0] == "\n" else at + len(end) - 1


def _inside_a_number(text: str, at: int) -> bool:
    return text[at - 1 : at].isdigit() and text[at + 1 : at + 2].isdigit()


def _between_signs(text: str, at: int) -> int:
    """The last place at or before `at` that does not part a letter from its marks or a joined sign."""
    for cut in range(at, max(0, at - 8), -1):
        joined = unicodedata.combining(text[cut : cut + 1] or "a") or text[cut : cut + 1] in ("\u200d", "\ufe0f")
        if not joined and text[cut - 1 : cut] != "\u200d":
            return cut
    return at


def _longest(text: str, capabilities: Capabilities) -> str:
    """The longest beginning of the text that the platform takes; one letter at least."""
    low, high = 1, min(len(text), capabilities.max_text)
    while low < high:
        middle = (low + high + 1) // 2
        if length(text[:middle], capabilities.unit) <= capabilities.max_text:
            low = middle
        else:
            high = middle - 1
    return text[:low]
