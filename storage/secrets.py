"""The secret files of an installation: made once, read at every start, refused when they are missing or readable by others."""

from __future__ import annotations

import os
import secrets
import stat
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from handlers.errors import BinhAnError, KeyMissing

KEK = "kek_1"
PEPPER = "lookup_pepper_1"
AUDIT = "audit_key"
SESSION = "session_key"
NAMES = (KEK, PEPPER, AUDIT, SESSION)
_SIZE = 32


class SecretExposed(BinhAnError):
    """A secret file may be read by others than its owner; take that right away (chmod 0400) and think of changing the secret."""

    code = "secret-exposed"


class SecretMalformed(BinhAnError):
    """A secret file does not hold exactly 32 bytes; put the file from the backup in its place."""

    code = "secret-malformed"


@dataclass(frozen=True, slots=True)
class Secrets:
    """Four independent random secrets of 32 bytes each; none is derived from another, so that each can change alone."""

    kek: bytes = field(repr=False)  # wraps data keys
    pepper: bytes = field(repr=False)  # keyed hash of addresses and return codes
    audit: bytes = field(repr=False)  # Ed25519 private key, signs the head of the audit log
    session: bytes = field(repr=False)  # desk pages' forms

    @property
    def audit_key(self) -> Ed25519PrivateKey:
        """The key that signs the audit log's head."""
        return Ed25519PrivateKey.from_private_bytes(self.audit)


def throwaway() -> Secrets:
    """Secrets that live as long as the process, for a database in memory."""
    return Secrets(*(secrets.token_bytes(_SIZE) for _ in NAMES))


def load_secrets(var: Path, *, needed: bool = False) -> Secrets:
    """The secrets in `var`/secrets. With no database beside them missing ones are made; with one, KeyMissing. `needed`: the
    database lies elsewhere, and there is somebody in it.

    Raises KeyMissing, SecretExposed or SecretMalformed; each names the file and what to do.
    """
    folder = var / "secrets"
    missing = [name for name in NAMES if not (folder / name).exists()]
    kept = [name for name in ("data.db", "keys.db") if (var / name).exists() and (var / name).stat().st_size]
    if missing and (kept or needed):
        raise KeyMissing(
            f"secrets/{missing[0]} is missing although {kept[0] if kept else 'the database'} exists; nothing is made anew "
            "over existing records, put the secret files of this database in place"
        )
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if stat.S_IMODE(folder.stat().st_mode) & 0o077:
        raise SecretExposed("directory secrets: chmod 0700")
    for name in missing:
        write_secret(folder / name, secrets.token_bytes(_SIZE))
    return Secrets(*(_read(folder / name) for name in NAMES))


def newest_key_at(folder: Path) -> datetime | None:
    """When the newest key-encryption key in this folder was put in place; None where there is none, or nobody may look."""
    try:
        times = [path.stat().st_mtime for path in folder.glob("kek_*")]
    except OSError:
        return None
    return datetime.fromtimestamp(max(times), UTC) if times else None


def write_secret(path: Path, value: bytes) -> None:
    """Write one secret file durably with mode 0400; whole or not at all."""
    part = path.with_name(f".{path.name}.part")
    part.unlink(missing_ok=True)
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o400)
    with os.fdopen(descriptor, "wb") as file:
        file.write(value)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Make new names in a folder durable."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _read(path: Path) -> bytes:
    if stat.S_IMODE(path.stat().st_mode) & 0o077:
        raise SecretExposed(f"secrets/{path.name}: chmod 0400")
    value = path.read_bytes()
    if len(value) != _SIZE:
        raise SecretMalformed(f"secrets/{path.name}")
    return value
