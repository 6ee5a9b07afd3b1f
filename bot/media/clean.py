"""What is let through of a file that a stranger sends: run as a program of its own, with nothing but Pillow beside Python.

A picture is decoded and drawn anew, so that nothing but its dots is left: no place, no date, no camera, no second file behind
the first. Of a voice note only the frames that its format knows are copied, one by one; what stands between or behind them, and
every comment, is left out. Whatever does not fit is refused.

Reads the file from standard input; writes its MIME type, a line feed, and what is left of it. Exit 1: refused.
"""

from __future__ import annotations

import io
import struct
import sys
from collections.abc import Iterator

MOST_DOTS = 50_000_000
LONGEST_SIDE = 1600
QUALITY = 82
MEMORY_BYTES = 1 << 30
CPU_S = 15


class Refused(Exception):
    """This file is not what it says it is."""


def image(content: bytes) -> tuple[str, bytes]:
    """A JPEG, PNG or WebP as a JPEG of at most 1,600 dots a side, turned the right way up."""
    import warnings

    from PIL import Image, ImageOps

    warnings.simplefilter("error")  # a decompression bomb is only warned of
    Image.MAX_IMAGE_PIXELS = MOST_DOTS
    with Image.open(io.BytesIO(content), formats=("JPEG", "PNG", "WEBP")) as opened:
        width, height = opened.size
        if width * height > MOST_DOTS or not width or not height:
            raise Refused
        opened.draft("RGB", (LONGEST_SIDE, LONGEST_SIDE))  # a large JPEG is decoded small
        turned = ImageOps.exif_transpose(opened)
        turned.thumbnail((LONGEST_SIDE, LONGEST_SIDE))
        dots = turned.convert("RGBA")
        plain = Image.new("RGB", dots.size, (255, 255, 255))
        plain.paste(dots, mask=dots.getchannel("A"))
    out = io.BytesIO()
    plain.save(out, "JPEG", quality=QUALITY)
    return "image/jpeg", out.getvalue()


def voice(content: bytes) -> tuple[str, bytes]:
    """Ogg Opus (Telegram), AAC in ADTS frames or AMR (Zalo)."""
    if content.startswith(b"OggS"):
        return "audio/ogg", b"".join(_opus(content))
    if content.startswith(b"#!AMR\n"):
        return "audio/amr", b"".join(_amr(content))
    return "audio/aac", b"".join(_adts(_behind_id3(content)))


# --- Ogg Opus ------------------------------------------------------------------------------------------------------------

_PAGE = struct.Struct("<4sBBqIIIB")
_SERIAL = 1
_TAGS = b"OpusTags" + struct.pack("<I", 0) + struct.pack("<I", 0)


def _crc_table() -> list[int]:
    table = []
    for number in range(256):
        value = number << 24
        for _ in range(8):
            value = (value << 1) ^ 0x04C11DB7 if value & 0x80000000 else value << 1
        table.append(value & 0xFFFFFFFF)
    return table


_CRC = _crc_table()


def _crc(page: bytes) -> int:
    value = 0
    for byte in page:
        value = ((value << 8) & 0xFFFFFFFF) ^ _CRC[(value >> 24) ^ byte]
    return value


def _pages(content: bytes) -> Iterator[tuple[int, int, bytes, bytes]]:
    """(flags, position, lengths, data) of each page, its checksum proved; one logical stream only."""
    at, serials = 0, set()
    while at < len(content):
        if len(content) - at < _PAGE.size:
            raise Refused
        magic, version, flags, position, serial, _, checksum, count = _PAGE.unpack_from(content, at)
        lengths = content[at + _PAGE.size : at + _PAGE.size + count]
        begins = at + _PAGE.size + count
        ends = begins + sum(lengths)
        serials.add(serial)
        if magic != b"OggS" or version or len(lengths) != count or ends > len(content) or len(serials) > 1:
            raise Refused
        page = bytearray(content[at:ends])
        page[22:26] = bytes(4)
        if _crc(bytes(page)) != checksum:
            raise Refused
        yield flags, position, lengths, content[begins:ends]
        at = ends


def _opus(content: bytes) -> Iterator[bytes]:
    """The same sound in pages of our own: the head, comments without a word, and the pages that hold sound."""
    pages = _pages(content)
    flags, _, lengths, head = next(pages)
    if not flags & 2 or len(lengths) != 1 or len(head) < 19 or not head.startswith(b"OpusHead") or head[8] >> 4:
        raise Refused
    yield _page(2, 0, 0, bytes([len(head)]), head)
    yield _page(0, 0, 1, bytes([len(_TAGS)]), _TAGS)
    begun, number = False, 2
    for flags, position, lengths, data in pages:
        if not begun:  # the comments: they may fill several pages, and sound begins on a fresh one
            begun = not lengths or lengths[-1] < 255
            continue
        yield _page(flags & 5, position, number, lengths, data)
        number += 1
    if number == 2:
        raise Refused


def _page(flags: int, position: int, number: int, lengths: bytes, data: bytes) -> bytes:
    head = _PAGE.pack(b"OggS", 0, flags, position, _SERIAL, number, 0, len(lengths))
    page = bytearray(head + lengths + data)
    page[22:26] = struct.pack("<I", _crc(bytes(page)))
    return bytes(page)


# --- AAC and AMR -----------------------------------------------------------------------------------------------------------


def _behind_id3(content: bytes) -> bytes:
    """Without the tag that may stand before the sound."""
    if not content.startswith(b"ID3") or len(content) < 10:
        return content
    a, b, c, d = content[6:10]
    return content[10 + ((a & 127) << 21 | (b & 127) << 14 | (c & 127) << 7 | (d & 127)) :]


def _adts(content: bytes) -> Iterator[bytes]:
    at = 0
    while at + 7 <= len(content):
        if content[at] != 0xFF or content[at + 1] & 0xF6 != 0xF0:
            break
        size = (content[at + 3] & 3) << 11 | content[at + 4] << 3 | content[at + 5] >> 5
        if size < 7 or at + size > len(content):
            break
        yield content[at : at + size]
        at += size
    if not at:
        raise Refused


_AMR_SIZES = (13, 14, 16, 18, 20, 21, 27, 32, 6)


def _amr(content: bytes) -> Iterator[bytes]:
    yield b"#!AMR\n"
    at = 6
    while at < len(content):
        kind = content[at] >> 3 & 15
        size = _AMR_SIZES[kind] if kind < len(_AMR_SIZES) else 1 if kind == 15 else 0
        if content[at] & 0x83 or not size or at + size > len(content):
            break
        yield content[at : at + size]
        at += size
    if at == 6:
        raise Refused


def hold_short() -> None:
    """Limits that no bug in a decoder can lift, set before a byte of the file is read."""
    try:
        import resource
    except ImportError:  # not on every system
        return
    for what, most in (
        (resource.RLIMIT_AS, MEMORY_BYTES),
        (resource.RLIMIT_CPU, CPU_S),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_NPROC, 0),
        (resource.RLIMIT_CORE, 0),
    ):
        resource.setrlimit(what, (most, most))


def main() -> int:
    """Clean what comes in."""
    hold_short()
    content = sys.stdin.buffer.read()
    try:
        mime, cleaned = {"image": image, "voice": voice}[sys.argv[1]](content)
    except Exception:  # whatever is wrong with it: refused, and not a word of it anywhere
        return 1
    sys.stdout.buffer.write(mime.encode() + b"\n" + cleaned)
    return 0


if __name__ == "__main__":
    sys.exit(main())
