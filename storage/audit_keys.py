"""The files of the keys that sign the audit log: `audit_key`, `audit_key_2`, …, and what is kept of those that are gone.

Which one signs say the handovers in the log and in `audit_handovers` beside the keys (`handlers/audit_heads.py`): numbers and
public halves, nothing secret. That file is what an older backup is proven with, whose heads were signed by a key that is no more;
and it tells when the log itself was made to forget a handover.

Once a handover is noted there, the older private key is destroyed. A file that nobody has handed over to waits for its turn.
"""

from __future__ import annotations

import os
import re
import secrets
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from handlers.audit_heads import HeldKey, SignedHead
from handlers.errors import KeyMissing
from storage.secret_files import (
    SIZE,
    SecretExposed,
    SecretMalformed,
    destroy_secret,
    read_secret,
    sync_folder,
    write_secret,
)

AUDIT: Final = "audit_key"
HANDOVERS: Final = "audit_handovers"
_NAME: Final = re.compile(r"audit_key(_[1-9][0-9]{0,5})?")


@dataclass(frozen=True, slots=True)
class AuditKeyFiles:
    """`handlers.audit_heads.AuditKeys` over the secrets folder."""

    folder: Path | None = field(repr=False)  # None: only the one held
    only: bytes = field(repr=False)  # without a folder

    def held(self) -> list[HeldKey]:
        """Those that lie here and were not handed over, the oldest first."""
        if self.folder is None:
            return [HeldKey(AUDIT, Ed25519PrivateKey.from_private_bytes(self.only))]
        held = []
        for name in audit_key_names(self.folder):
            try:
                value = read_secret(self.folder / name)
            except FileNotFoundError:
                continue  # taken away this moment: it was handed over
            held.append(HeldKey(name, Ed25519PrivateKey.from_private_bytes(value)))
        if not held:
            name = audit_key_names(self.folder)[-1]
            raise KeyMissing(f"secrets/{name} is missing; copy it from the second place of the keys (0400)")
        return held

    def handovers(self) -> list[SignedHead]:
        """Those noted beside the keys."""
        return [] if self.folder is None else read_handovers(self.folder)


def audit_number(name: str) -> int:
    """Which one it is, counting from 1."""
    return int(name.removeprefix(AUDIT).removeprefix("_") or 1)


def audit_key_names(folder: Path) -> list[str]:
    """The key that signs and those prepared after it, oldest first; when there is none, the one that should be here. Those that
    were handed over do not count any more, wherever they come from.
    """
    noted = read_handovers(folder)
    found = [name for name in _present(folder) if not _was_handed_over(folder / name, noted)]
    return found or [noted[-1].said.next_name if noted else AUDIT]


def read_handovers(folder: Path) -> list[SignedHead]:
    """The handovers noted in this folder, oldest first; a line that is damaged, and all after it, is none."""
    try:
        lines = (folder / HANDOVERS).read_text(encoding="utf-8", errors="replace").splitlines()
    except FileNotFoundError:
        return []
    found: list[SignedHead] = []
    for line in lines:
        try:
            head = SignedHead.from_line(line)
        except ValueError:
            break
        if not head.holds or not _NAME.fullmatch(head.said.next_name):
            break
        found.append(head)
    return found


def note_handovers(folder: Path, heads: list[SignedHead]) -> bool:
    """Note those handovers, oldest first, that are not noted yet; durable on return. False when there were none."""
    noted = read_handovers(folder)
    fresh = [one for one in dict.fromkeys(heads) if one not in noted]
    if fresh:
        _write_handovers(folder, [*noted, *fresh])
    return bool(fresh)


def share_handovers(source: Path, target: Path) -> bool:
    """Bring the notes of another folder (a second place, a backup) up to date with these; it may know more, and keeps that. False
    when the two tell different stories: then they belong to two installations, and nothing is changed.
    """
    here, there = read_handovers(source), read_handovers(target)
    if here[: len(there)] == there:
        if len(here) > len(there):
            _write_handovers(target, here)
        return True
    return there[: len(here)] == here


def prepare_audit_key(folder: Path) -> str:
    """Have the next key lie in the folder, unused; its name. One that waits there already is enough."""
    names = audit_key_names(folder)
    if len(names) > 1:
        return names[-1]
    noted = [audit_number(one.said.next_name) for one in read_handovers(folder)]
    name = f"{AUDIT}_{max([*noted, *map(audit_number, [*names, *_present(folder)])]) + 1}"
    part = folder / f".{AUDIT}-{secrets.token_hex(8)}"
    write_secret(part, secrets.token_bytes(SIZE))
    try:
        os.link(part, folder / name)  # unlike a rename, it fails where somebody else was quicker
    except FileExistsError:
        pass
    finally:
        part.unlink()
        sync_folder(folder)
    return name


def to_retire(folder: Path) -> list[str]:
    """Private keys in this folder that were handed over, by its own notes, and should not lie there any more."""
    noted = read_handovers(folder)
    return [name for name in _present(folder) if _was_handed_over(folder / name, noted)]


def retire_audit_keys(folder: Path) -> list[str]:
    """Destroy them; their names."""
    gone = to_retire(folder)
    for name in gone:
        destroy_secret(folder / name)
    return gone


def signing(folder: Path) -> tuple[str, datetime | None]:
    """The name of the key that signs, and since when, as far as the folder tells."""
    names = audit_key_names(folder)
    begun = {one.said.next_name: one.at for one in read_handovers(folder)}
    name = next((one for one in reversed(names) if one in begun), names[0])
    try:
        return name, begun.get(name) or datetime.fromtimestamp((folder / name).stat().st_mtime, UTC)
    except OSError:
        return name, None


def _present(folder: Path) -> list[str]:
    found = [path.name for path in folder.iterdir() if _NAME.fullmatch(path.name)] if folder.is_dir() else []
    return sorted(found, key=audit_number)


def _was_handed_over(path: Path, noted: list[SignedHead]) -> bool:
    if not noted:
        return False
    try:
        key = Ed25519PrivateKey.from_private_bytes(read_secret(path))
    except (OSError, SecretExposed, SecretMalformed):
        return False  # whoever reads it next says what is wrong with it
    return key.public_key().public_bytes_raw() in {one.key for one in noted}


def _write_handovers(folder: Path, heads: list[SignedHead]) -> None:
    write_secret(folder / HANDOVERS, "".join(f"{one.as_line()}\n" for one in heads).encode())
