"""One secret file: written whole or not at all, read only when nobody else may, and taken away without a trace."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Final

from handlers.errors import BinhAnError

SIZE: Final = 32


class SecretExposed(BinhAnError):
    """A secret file may be read by others than its owner; take that right away (chmod 0400) and think of changing the secret."""

    code = "secret-exposed"


class SecretMalformed(BinhAnError):
    """A secret file does not hold exactly 32 bytes; put the file from the backup in its place."""

    code = "secret-malformed"


def read_secret(path: Path) -> bytes:
    """The 32 bytes of a secret file; SecretExposed, SecretMalformed or OSError."""
    if stat.S_IMODE(path.stat().st_mode) & 0o077:
        raise SecretExposed(f"secrets/{path.name}: chmod 0400")
    value = path.read_bytes()
    if len(value) != SIZE:
        raise SecretMalformed(f"secrets/{path.name}")
    return value


def write_secret(path: Path, value: bytes) -> None:
    """Write one secret file durably with mode 0400; whole or not at all. What root writes belongs to whom the folder belongs to:
    a service that may not read a new key or pepper would refuse everybody.
    """
    part = path.with_name(f".{path.name}.part")
    part.unlink(missing_ok=True)
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o400)
    with os.fdopen(descriptor, "wb") as file:
        file.write(value)
        file.flush()
        folder = path.parent.stat()
        if os.geteuid() == 0 and folder.st_uid != 0:
            os.fchown(file.fileno(), folder.st_uid, folder.st_gid)
        os.fsync(file.fileno())
    part.replace(path)
    sync_folder(path.parent)


def destroy_secret(path: Path) -> None:
    """Overwrite a secret file and take it away; nothing when it is gone. What a disk keeps of overwritten bytes is out of reach:
    full-disk encryption belongs underneath.
    """
    try:
        path.chmod(0o600)
        with path.open("r+b") as file:
            file.write(bytes(path.stat().st_size))
            file.flush()
            os.fsync(file.fileno())
        path.unlink()
    except FileNotFoundError:  # another process was quicker
        return
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Make new names in a folder durable."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
