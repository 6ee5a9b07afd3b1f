"""The secret files of an installation: made once, read at every start, refused when they are missing or readable by others.

Key-encryption keys are numbered (`kek_1`, `kek_2`, …): which one wraps new data keys says the key store, older ones stay as
long as a copy of it may need them (`storage/rotation.py`). So are lookup peppers (`lookup_pepper_1`, …): which one makes new
hashes says the database, older ones stay as long as anything is found by them (`storage/peppers.py`).
"""

from __future__ import annotations

import hashlib
import hmac
import os
import re
import secrets
import stat
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from handlers.errors import KeyMissing
from storage.audit_keys import AUDIT, AuditKeyFiles, audit_key_names
from storage.secret_files import SecretExposed as SecretExposed
from storage.secret_files import SecretMalformed as SecretMalformed
from storage.secret_files import read_secret
from storage.secret_files import sync_folder as sync_folder
from storage.secret_files import write_secret as write_secret

KEK = "kek_1"
PEPPER = "lookup_pepper_1"
SESSION = "session_key"
NAMES = (KEK, PEPPER, AUDIT, SESSION)
_SIZE = 32
_KEK = re.compile(r"kek_[1-9][0-9]{0,5}")
_PEPPER = re.compile(r"lookup_pepper_[1-9][0-9]{0,5}")


@dataclass(slots=True)
class Keks:
    """The key-encryption keys by their ids. One that was added to the folder by another process is read when it is first asked
    for, so that a rotation needs no restart.
    """

    folder: Path | None = field(repr=False)  # None: only those held
    _held: dict[str, bytes] = field(repr=False)

    def get(self, kek_id: str) -> AESGCM:
        """The key of this id; KeyMissing, SecretExposed or SecretMalformed, each naming the file."""
        value = self._held.get(kek_id)
        if value is None:
            if self.folder is None or not _KEK.fullmatch(kek_id) or not (self.folder / kek_id).exists():
                raise KeyMissing(
                    f"secrets/{kek_id} is missing, and data keys are wrapped under it; copy it from the second place of the keys"
                )
            value = self._held[kek_id] = read_secret(self.folder / kek_id)
        return AESGCM(value)

    def mark(self, kek_id: str) -> str:
        """Id and fingerprint: tells two keys of the same name apart and says nothing about either."""
        self.get(kek_id)
        return f"{kek_id}:{hmac.new(self._held[kek_id], b'binhan kek mark', hashlib.sha256).hexdigest()[:16]}"

    def ids(self) -> list[str]:
        """Those that can be had here, oldest first."""
        found = set(self._held) if self.folder is None else set(kek_ids(self.folder))
        return sorted(found, key=kek_number)


@dataclass(slots=True)
class Peppers:
    """The lookup peppers by their names. One that another process has put into the folder is read by `learn`, so that a change
    needs no restart. One that was taken away from the folder stays known until the process ends.
    """

    folder: Path | None = field(repr=False)  # None: only those held
    _held: dict[str, bytes] = field(repr=False)

    def get(self, name: str) -> bytes:
        """The pepper of this name; KeyMissing when it is not held."""
        value = self._held.get(name)
        if value is None:
            raise KeyMissing(
                f"secrets/{name} is missing, and people are found by it; copy it from the second place of the keys (0400). "
                "Was it taken away on purpose, and older data brought back? Then run: python -m bot keys rotate-pepper"
            )
        return value

    def names(self) -> list[str]:
        """Those held, the newest first: in this order somebody is looked for."""
        return sorted(self._held, key=pepper_number, reverse=True)

    def learn(self) -> None:
        """Read those that have come into the folder; SecretExposed or SecretMalformed, each naming the file."""
        fresh = (
            {name: read_secret(self.folder / name) for name in self.ids() if name not in self._held}
            if self.folder
            else {}
        )
        self._held = {**self._held, **fresh}  # replaced and not changed: another thread may be going through it

    def ids(self) -> list[str]:
        """Those that can be had here, oldest first."""
        return pepper_ids(self.folder) if self.folder is not None else sorted(self._held, key=pepper_number)

    def mark(self, name: str) -> str:
        """Name and fingerprint: tells two peppers of the same name apart and says nothing about either."""
        return f"{name}:{hmac.new(self.get(name), b'binhan pepper mark', hashlib.sha256).hexdigest()[:16]}"


def pepper_number(name: str) -> int:
    """Which one it is, counting from 1."""
    return int(name.removeprefix("lookup_pepper_"))


def pepper_ids(folder: Path) -> list[str]:
    """The lookup peppers in this folder, oldest first."""
    found = [path.name for path in folder.iterdir() if _PEPPER.fullmatch(path.name)] if folder.is_dir() else []
    return sorted(found, key=pepper_number)


def kek_number(kek_id: str) -> int:
    """Which one it is, counting from 1."""
    return int(kek_id.removeprefix("kek_"))


def kek_ids(folder: Path) -> list[str]:
    """The key-encryption keys in this folder, oldest first."""
    found = [path.name for path in folder.iterdir() if _KEK.fullmatch(path.name)] if folder.is_dir() else []
    return sorted(found, key=kek_number)


def secret_names(folder: Path) -> list[str]:
    """The secret files an installation with this folder has: every key-encryption key, lookup pepper and audit key, and the
    session key.
    """
    return [*(kek_ids(folder) or (KEK,)), *(pepper_ids(folder) or (PEPPER,)), *audit_key_names(folder), SESSION]


@dataclass(frozen=True, slots=True)
class Secrets:
    """Independent random secrets of 32 bytes each; none is derived from another, so that each can change alone."""

    keks: Keks = field(repr=False)  # wrap data keys
    peppers: Peppers = field(repr=False)  # keyed hashes of addresses and of codes
    audit: AuditKeyFiles = field(repr=False)  # Ed25519 private keys, sign the head of the audit log
    session: bytes = field(repr=False)  # desk pages' forms


def throwaway() -> Secrets:
    """Secrets that live as long as the process, for a database in memory."""
    kek, pepper, audit, session = (secrets.token_bytes(_SIZE) for _ in NAMES)
    return Secrets(Keks(None, {KEK: kek}), Peppers(None, {PEPPER: pepper}), AuditKeyFiles(None, audit), session)


def load_secrets(var: Path, *, needed: bool = False) -> Secrets:
    """The secrets in `var`/secrets. With no database beside them missing ones are made; with one, KeyMissing. `needed`: the
    database lies elsewhere, and there is somebody in it.

    Raises KeyMissing, SecretExposed or SecretMalformed; each names the file and what to do.
    """
    folder = var / "secrets"
    missing = [name for name in secret_names(folder) if not (folder / name).exists()]
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
    return read_secrets(folder)


def read_secrets(folder: Path) -> Secrets:
    """The secrets in this folder as they are; KeyMissing, SecretExposed or SecretMalformed, each naming the file."""
    for name in secret_names(folder):
        if not (folder / name).exists():
            raise KeyMissing(f"{folder.name}/{name} is missing; give the directory with the secret files")
    keks = Keks(folder, {name: read_secret(folder / name) for name in kek_ids(folder)})
    peppers = Peppers(folder, {name: read_secret(folder / name) for name in pepper_ids(folder)})
    audit = AuditKeyFiles(folder, b"")
    audit.held()  # each is there, whole, and read by nobody else
    return Secrets(keks, peppers, audit, read_secret(folder / SESSION))


def new_kek(folder: Path, beyond: int = 0) -> str:
    """Make the next key-encryption key, with a number greater than all here and than `beyond`; its id. Durable on return, and
    used by nobody before the key store says so. One that exists is never replaced.
    """
    return _new_numbered(folder, lambda: f"kek_{max([beyond, *map(kek_number, kek_ids(folder))]) + 1}")


def new_pepper(folder: Path, beyond: int = 0) -> str:
    """The same for a lookup pepper; its name. Used by nobody before the database says so."""
    return _new_numbered(folder, lambda: f"lookup_pepper_{max([beyond, *map(pepper_number, pepper_ids(folder))]) + 1}")


def _new_numbered(folder: Path, next_name: Callable[[], str]) -> str:
    part = folder / f".new-{secrets.token_hex(8)}"
    write_secret(part, secrets.token_bytes(_SIZE))
    try:
        while True:
            name = next_name()
            try:
                os.link(part, folder / name)  # unlike a rename, it fails where somebody else was quicker
                return name
            except FileExistsError:
                continue
    finally:
        part.unlink()
        sync_folder(folder)


def newest_key_at(folder: Path) -> datetime | None:
    """When the newest key-encryption key in this folder was put in place; None where there is none, or nobody may look."""
    try:
        times = [at for path in folder.glob("kek_*") if (at := put_at(path)) is not None]
    except OSError:
        return None
    return max(times, default=None)


def put_at(path: Path) -> datetime | None:
    """When this file was put in place; None where there is none, or nobody may look."""
    try:
        return datetime.fromtimestamp(path.stat().st_mtime, UTC)
    except OSError:
        return None
