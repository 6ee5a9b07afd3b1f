"""Runs `clean.py` in a process of its own, with little memory, little time, no environment and no way to keep anything."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Final

from handlers.model import MediaKind

PROGRAM: Final = Path(__file__).with_name("clean.py")
WITHIN_S: Final = 20.0
MOST_CLEANED_BYTES: Final = 8_000_000


async def cleaned(kind: MediaKind, content: bytes) -> tuple[str, bytes] | None:
    """The MIME type and the bytes that are let through; None when the file is refused."""
    child = await asyncio.create_subprocess_exec(
        sys.executable,
        "-I",
        str(PROGRAM),
        kind.value,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        env={},
        cwd="/",
    )
    try:
        async with asyncio.timeout(WITHIN_S):
            out, _ = await child.communicate(content)
    except TimeoutError:
        return None
    finally:
        if child.returncode is None:
            child.kill()
            await child.wait()
    mime, _, body = out.partition(b"\n")
    if child.returncode != 0 or not body or len(body) > MOST_CLEANED_BYTES:
        return None
    return mime.decode("ascii"), body
