"""What is let through of strangers' files: what can be seen and heard, and nothing else."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from bot.media import clean
from bot.media.cleaning import cleaned
from handlers.model import MediaKind
from tests.fakes.sounds import FRAMES, OPUS_HEAD, SECRET, adts, amr, ogg_page, opus, picture


def opened(content: bytes) -> Image.Image:
    return Image.open(io.BytesIO(content))


# --- pictures ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_a_picture_keeps_its_dots_and_nothing_else(kind: str) -> None:
    content = picture(kind)
    assert SECRET in content
    mime, kept = clean.image(content)
    shown = opened(kept)
    assert (mime, shown.format, shown.size) == ("image/jpeg", "JPEG", (60, 40))
    assert SECRET not in kept
    assert not shown.getexif()
    assert set(shown.info) <= {"jfif", "jfif_version", "jfif_unit", "jfif_density"}
    red, _, blue = shown.convert("RGB").getpixel((5, 5))
    assert red > 150 > blue


def test_a_picture_stands_the_right_way_up() -> None:
    _, kept = clean.image(picture(turned=6))
    assert opened(kept).size == (40, 60)


def test_what_hangs_behind_a_picture_is_cut_off() -> None:
    for behind in (b"PK\x03\x04" + SECRET, b"<script>" + SECRET + b"</script>", picture("PNG")):
        _, kept = clean.image(picture() + behind)
        assert SECRET not in kept
        assert b"PK" not in kept[-200:]
        assert b"script" not in kept


def test_a_large_picture_becomes_one_that_a_phone_can_load() -> None:
    _, kept = clean.image(picture(size=(4000, 3000)))
    assert max(opened(kept).size) == clean.LONGEST_SIDE


def test_what_is_see_through_becomes_white() -> None:
    out = io.BytesIO()
    Image.new("RGBA", (20, 20), (0, 0, 0, 0)).save(out, "PNG")
    assert opened(clean.image(out.getvalue())[1]).getpixel((10, 10)) == (255, 255, 255)


def bomb(width: int, height: int) -> bytes:
    """A small PNG that says it is huge."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    dots = zlib.compress(bytes(100_000))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", dots) + chunk(b"IEND", b"")


def as_format(kind: str) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (8, 8)).save(out, kind)
    return out.getvalue()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"hello",
        b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>",
        b"%PDF-1.7",
        as_format("GIF"),
        as_format("BMP"),
        as_format("TIFF"),
        picture()[:200],
        bomb(100_000, 100_000),
        bomb(8000, 8000),
    ],
)
async def test_what_is_no_such_picture_is_refused(content: bytes) -> None:
    assert await cleaned(MediaKind.IMAGE, content) is None


async def test_it_is_cleaned_in_a_process_of_its_own() -> None:
    assert await cleaned(MediaKind.IMAGE, picture()) == clean.image(picture())
    assert await cleaned(MediaKind.VOICE, opus()) == clean.voice(opus())
    assert await cleaned(MediaKind.VOICE, picture()) is None


# --- voice notes -----------------------------------------------------------------------------------------------------------


def packets(content: bytes) -> list[bytes]:
    """Those of a file whose packets fill one page each."""
    return [data for _, _, _, data in clean._pages(content)]


def test_a_voice_note_keeps_its_sound_and_no_comment() -> None:
    assert SECRET in opus()
    mime, kept = clean.voice(opus())
    assert mime == "audio/ogg"
    assert SECRET not in kept
    assert packets(kept) == [OPUS_HEAD, clean._TAGS, *FRAMES]
    assert [position for _, position, _, _ in clean._pages(kept)][2:] == [960 * (n + 1) for n in range(12)]
    assert clean.voice(kept)[1] == kept, "what is clean stays as it is"


def test_comments_may_fill_several_pages() -> None:
    tags = b"OpusTags" + struct.pack("<I", 600) + SECRET * 30
    pieces = [ogg_page(2, 0, 0, [OPUS_HEAD]), ogg_page(0, -1, 1, [tags[:510]], ends=False)]
    pieces += [ogg_page(1, 0, 2, [tags[510:]]), ogg_page(4, 960, 3, [FRAMES[0]])]
    assert packets(clean.voice(b"".join(pieces))[1]) == [OPUS_HEAD, clean._TAGS, FRAMES[0]]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"OggS",
        opus(frames=[]),
        opus()[:-10],
        opus() + SECRET,
        opus() + ogg_page(2, 0, 0, [b"second stream"], serial=78),
        opus().replace(FRAMES[3][:8], b"tampered"),
        opus().replace(b"OpusHead", b"vorbis.."),
        b"ID3" + bytes(3) + b"\x7f\x7f\x7f\x7f" + SECRET,
        b"#!AMR\n",
        b"#!AMR-WB\n" + bytes(100),
        b"RIFF....WAVE",
        SECRET,
    ],
)
async def test_what_is_no_such_sound_is_refused(content: bytes) -> None:
    assert await cleaned(MediaKind.VOICE, content) is None


def test_of_aac_and_amr_only_frames_are_kept() -> None:
    tag = b"ID3" + bytes(3) + bytes([0, 0, 0, len(SECRET)]) + SECRET
    assert clean.voice(tag + adts() + SECRET) == ("audio/aac", adts())
    assert clean.voice(amr() + b"\x83" + SECRET) == ("audio/amr", amr())


@settings(deadline=None)
@given(
    st.binary(max_size=400),
    st.sampled_from([b"", b"OggS", b"#!AMR\n", b"\xff\xf1", b"ID3", b"\x89PNG\r\n\x1a\n", b"\xff\xd8"]),
)
def test_no_file_makes_it_fall_over(content: bytes, begins: bytes) -> None:
    for kind in (clean.image, clean.voice):
        found = let_through(kind, begins + content)
        assert found is None or (found[0].startswith(("image/", "audio/")) and found[1])


def let_through(kind: Callable[[bytes], tuple[str, bytes]], content: bytes) -> tuple[str, bytes] | None:
    """None: refused, by an error of any kind but those that would end the program."""
    try:
        return kind(content)
    except (MemoryError, RecursionError):
        raise
    except Exception:
        return None
