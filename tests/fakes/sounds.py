"""Pictures and voice notes as strangers send them, and as an attacker would: made here, so that nothing real is needed."""

from __future__ import annotations

import io
import struct

from PIL import ExifTags, Image

from bot.media.clean import _crc

SECRET = b"canary-place-22.3,103.6"


def picture(kind: str = "JPEG", size: tuple[int, int] = (60, 40), *, turned: int = 1) -> bytes:
    """A picture whose file also tells where and with what it was taken."""
    image = Image.new("RGB", size, (10, 120, 200))
    image.paste((200, 30, 30), (0, 0, size[0] // 2, size[1] // 2))
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = turned
    exif[ExifTags.Base.Make] = SECRET.decode()
    exif.get_ifd(ExifTags.IFD.GPSInfo)[ExifTags.GPS.GPSLatitudeRef] = "N"
    exif.get_ifd(ExifTags.IFD.GPSInfo)[ExifTags.GPS.GPSLatitude] = (22.0, 19.0, 0.0)
    out = io.BytesIO()
    extra = {"comment": SECRET} if kind == "JPEG" else {}
    image.save(out, kind, exif=exif, **extra)
    return out.getvalue()


def ogg_page(
    flags: int, position: int, number: int, packets: list[bytes], *, serial: int = 77, ends: bool = True
) -> bytes:
    """A page of an Ogg file; `ends` False: its last packet goes on in the next page."""
    lengths = b""
    for index, packet in enumerate(packets):
        whole, rest = divmod(len(packet), 255)
        lengths += b"\xff" * whole
        if ends or index < len(packets) - 1:
            lengths += bytes([rest])
    head = struct.pack("<4sBBqIIIB", b"OggS", 0, flags, position, serial, number, 0, len(lengths))
    page = bytearray(head + lengths + b"".join(packets))
    page[22:26] = struct.pack("<I", _crc(bytes(page)))
    return bytes(page)


OPUS_HEAD = b"OpusHead" + bytes([1, 1]) + struct.pack("<HIhB", 312, 48000, 0, 0)
FRAMES = [bytes([0xFC, number]) * 40 for number in range(12)]


def opus(frames: list[bytes] | None = None, comment: bytes = SECRET) -> bytes:
    """A voice note as Telegram has it, with a comment that must not go along."""
    tags = b"OpusTags" + struct.pack("<I", len(comment)) + comment + struct.pack("<I", 0)
    pages = [ogg_page(2, 0, 0, [OPUS_HEAD]), ogg_page(0, 0, 1, [tags])]
    shown = FRAMES if frames is None else frames
    for number, frame in enumerate(shown):
        last = 4 if number == len(shown) - 1 else 0
        pages.append(ogg_page(last, 960 * (number + 1), number + 2, [frame]))
    return b"".join(pages)


def adts(frames: int = 5) -> bytes:
    """Frames of AAC as Zalo's bots get them."""
    made = b""
    for number in range(frames):
        body = bytes([number]) * 30
        size = len(body) + 7
        made += bytes([0xFF, 0xF1, 0x60, 0x40 | size >> 11, size >> 3 & 0xFF, (size & 7) << 5 | 0x1F, 0xFC]) + body
    return made


def amr(frames: int = 5) -> bytes:
    """Frames of AMR as an Official Account gets them."""
    return b"#!AMR\n" + b"".join(bytes([0x3C]) + bytes([number]) * 31 for number in range(frames))
