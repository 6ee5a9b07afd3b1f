"""Recorded audio: what a recording is called, which files are recordings, and what is wrong with one.

A recording is named after the text it reads, with the beginning of the text's SHA-256 behind it
(`audio/hmn/safety.ask.say-3fa2b1.mp3`): when the text changes, so does the name, and the old recording counts as out of date.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

FOLDER: Final = "audio/"
SUFFIX: Final = ".mp3"
"""Every phone and every platform plays it; Telegram takes it for a voice line, too."""

MAX_BYTES: Final = 400 * 1024
"""About 50 seconds at 64 kbit/s: nobody listens longer, and in the mountains nobody can load more."""

_NAME = re.compile(r"audio/([a-z]{2,3})/([a-z0-9_.]+-[0-9a-f]{6})\.mp3")
_POINTER: Final = b"sha256:"


@dataclass(frozen=True, slots=True)
class Recording:
    """One recorded text: its file in the set, and the SHA-256 (hex) of what is in it."""

    file: str
    sha256: str
    size: int  # bytes


def name_of(context: str, text: str, labels: Sequence[str] = ()) -> str:
    """What the recordings of a text are called in every language. `labels`: the choices read out behind it."""
    return f"{context}-{sha256(chr(10).join([text, *labels]).encode()).hexdigest()[:6]}"


def file_of(language: str, name: str) -> str:
    """Where the recording of a text in a language belongs in the set."""
    return f"{FOLDER}{language}/{name}{SUFFIX}"


def is_audio(file: str) -> bool:
    """Does this file of a set belong to the recordings?"""
    return file.startswith(FOLDER)


def parts_of(file: str) -> tuple[str, str] | None:
    """Language and name of a recording; None for a file whose name says neither."""
    found = _NAME.fullmatch(file)
    return None if found is None else (found[1], found[2])


def pointer(content: bytes) -> bytes:
    """What stands for a recording where its bytes are stored elsewhere: its SHA-256 and its size."""
    if content.startswith(_POINTER):
        return content
    return _POINTER + sha256(content).hexdigest().encode() + b" " + str(len(content)).encode()


def recording(file: str, content: bytes) -> Recording:
    """The recording of a file, from its bytes or from its pointer. Raises ValueError for a damaged pointer."""
    digest, _, size = pointer(content).removeprefix(_POINTER).decode("ascii", "replace").partition(" ")
    if not re.fullmatch(r"[0-9a-f]{64}", digest) or not size.isdigit():
        raise ValueError(f"{file}: damaged pointer to a recording; publish the set again")
    return Recording(file, digest, int(size))


def problem(content: bytes) -> tuple[str, str, str] | None:
    """What is wrong with the bytes of a recording: code, Vietnamese, English. None when it can be played."""
    if content.startswith(_POINTER):
        return None  # was looked at when it was published
    if len(content) > MAX_BYTES:
        most = MAX_BYTES // 1024
        return "audio-too-large", f"bản ghi âm lớn hơn {most} KB; ghi ngắn lại", f"over {most} KB: record it shorter"
    if not (content.startswith(b"ID3") or (content[:1] == b"\xff" and content[1:2] >= b"\xe0")):
        return "audio-not-mp3", "tệp này không phải MP3", "this file is no MP3"
    return None
