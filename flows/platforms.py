"""What each platform can show, as declared limits. Pure data: the checks read it, and the channels render by it.

A limit is the smallest one that any source of the platform names, so that nothing is refused on the day. Lengths are counted
in the platform's own unit, after composing letters (NFC): decomposed Vietnamese is half as long again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final


@dataclass(frozen=True, slots=True, kw_only=True)
class Capabilities:
    """What a channel can show. Lengths in the unit the platform counts (`unit`: "chars", "utf16" or "bytes")."""

    buttons: bool
    max_buttons: int  # under one message; more become further messages
    max_text: int
    unit: str = "chars"
    max_button_label: int = 100
    max_button_data_bytes: int = 64
    location: bool = False  # a shared point reaches us
    asks_location: bool = False  # and there is a button that shares one
    audio: bool = False  # a recorded line can be sent
    max_caption: int = 0  # text that stands beside it; longer text is a message of its own
    previews: bool = True  # a locked screen shows the beginning of every message
    pulled: bool = False  # the reader fetches (web page); nothing is pushed
    link_numbers: bool = False  # numbers can be tapped to call
    pins: bool = False  # a point can be shown on a map


TELEGRAM: Final = Capabilities(
    buttons=True,
    max_buttons=20,  # some 100 are taken; more than a screen nobody reads
    max_text=4096,
    unit="utf16",
    max_button_label=64,
    max_button_data_bytes=64,
    location=True,
    asks_location=True,
    audio=True,
    max_caption=1024,
    link_numbers=True,
    pins=True,
)
ZALO_OA: Final = Capabilities(
    buttons=True,
    max_buttons=5,
    max_text=2000,
    unit="utf16",  # "characters", the source says; this counts at least as many as any reading of that word
    max_button_label=100,
    max_button_data_bytes=1000,
    location=True,
    link_numbers=True,
)
ZALO_OA_ANONYMOUS: Final = Capabilities(buttons=False, max_buttons=0, max_text=2000, unit="utf16", link_numbers=True)
"""Visitors of an Official Account who are not signed in: text only."""

ZALO_BOT: Final = Capabilities(buttons=False, max_buttons=0, max_text=2000, unit="utf16", link_numbers=True)
WEB: Final = Capabilities(
    buttons=True,
    max_buttons=20,
    max_text=20_000,
    max_button_label=200,
    location=True,
    asks_location=True,
    audio=True,
    max_caption=20_000,
    previews=False,
    pulled=True,
    link_numbers=True,
)

PLATFORMS: Final[Mapping[str, Capabilities]] = MappingProxyType(
    {
        "telegram": TELEGRAM,
        "zalo-oa": ZALO_OA,
        "zalo-oa-anonymous": ZALO_OA_ANONYMOUS,
        "zalo-bot": ZALO_BOT,
        "web": WEB,
    }
)
"""Every way in which a flow may be shown."""

CHOICES_PER_MESSAGE: Final = 10
"""Numbered choices that stand under one text; a longer list goes on in the next message."""


def numbered(labels: tuple[str, ...] | list[str], first: int = 1) -> str:
    """Choices as they are printed where there are no buttons: a line each, "1. Có"."""
    return "\n".join(f"{number}. {label}" for number, label in enumerate(labels, start=first))
