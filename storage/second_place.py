"""The second place of the keys: a folder on another disk with the secret files and copies of the key store.

Without the keys nobody reads anything any more, no backup either. So they are kept twice; and because destroying a key must reach
every copy, those of the key store are kept for seven days at most. It is not the place of the backups: whoever finds both reads
everything.
"""

from __future__ import annotations

import json
import re
import stat
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from secrets import token_bytes
from typing import Final

from handlers.errors import BinhAnError
from storage.audit_keys import HANDOVERS, read_handovers, retire_audit_keys, share_handovers
from storage.data_keys import Keys
from storage.digests import digest, write_durably
from storage.installation import SECRETS
from storage.keystore import KeyStore
from storage.rotation import KEPT
from storage.secret_files import SIZE
from storage.secrets import SESSION, load_secrets, secret_names, sync_folder, write_secret

COPIES: Final = "keys"
NOTE: Final = "copied.json"
WISHES: Final = "wishes.json"
EVERY: Final = timedelta(minutes=2)
"""How often a running service looks whether the keys have changed: a broken disk costs at most what came since."""
OLD: Final = timedelta(minutes=15)
"""A copy not looked at for so long is worth a warning."""
_NAME = re.compile(r"keys-\d{8}T\d{6}Z\.db")


class NoSecondPlace(BinhAnError):
    """There is no second place of the keys; write keys_second into the configuration, or give a folder on another disk."""

    code = "no-second-place"


class SecondPlaceGone(BinhAnError):
    """The second place of the keys is not where it was. Is the disk plugged in and mounted? A new one begins with `keys copy`."""

    code = "second-place-gone"


class WishesUnreadable(BinhAnError):
    """The list of people who had asked to be erased is damaged; restored without it, they would be back for good."""

    code = "wishes-unreadable"

    def __init__(self, path: Path) -> None:
        """`path` of the damaged file; the way on is part of the message."""
        super().__init__(
            f"{path}: put a whole one from another copy of the second place there. Is there none, move it away and restore; "
            "whoever asked in the day before the disaster is then not hidden: erase those whose codes you know, before "
            "`db release`, with: python -m bot erase CODE"
        )


class OtherSecrets(BinhAnError):
    """In the second place lies another secret of the same name; nothing is overwritten, look whose it is and move it away."""

    code = "other-secrets"


@dataclass(frozen=True, slots=True)
class Copied:
    """What was copied."""

    secrets: list[str]  # files that were not there before
    fresh: bool  # the key store had changed, and there is a new copy of it
    keys: int


def copy_keys(secrets: Path, keys: Keys, second: Path, now: datetime, *, begin: bool = False) -> Copied:
    """Bring the second place up to date: secret files that it lacks, a copy of the key store when that has changed. Copies that
    are too old, or closer together than needed, go. `begin` makes a new second place; without it a folder that nobody has begun
    is the empty place of a disk that is not there. Raises SecondPlaceGone, OtherSecrets, OSError.
    """
    if not begin and not (second / NOTE).exists():
        raise SecondPlaceGone(str(second))
    (second / SECRETS).mkdir(mode=0o700, parents=True, exist_ok=True)
    (second / COPIES).mkdir(mode=0o700, exist_ok=True)
    fresh_secrets = _copy_secrets(secrets, second / SECRETS)
    note = _note(second)
    mark = keys.fingerprint()
    fresh = note.get("mark") != mark or newest(second) is None
    if fresh:
        _copy_store(keys, second / COPIES, now)
    for path in _superfluous(copies(second), now):
        path.unlink()
    found = newest(second)
    assert found is not None
    _write_note(second, {"looked_at": now.isoformat(), "mark": mark, "copy": found.name, "sha256": digest(found)})
    return Copied(fresh_secrets, fresh, len(keys.owners()))


def note_wishes(second: Path, wishes: Mapping[str, datetime]) -> None:
    """Note who asked to be erased and is not yet (`storage/wishes.py`): ids and times; a damaged note is written anew. Raises
    SecondPlaceGone, OSError.
    """
    if not (second / NOTE).exists():
        raise SecondPlaceGone(str(second))
    try:
        noted: Mapping[str, datetime] | None = read_wishes(second)
    except WishesUnreadable:  # the database knows it better
        noted = None
    if noted != wishes:
        part = second / f".{WISHES}.part"
        write_durably(part, json.dumps({uid: at.isoformat() for uid, at in wishes.items()}).encode())
        part.replace(second / WISHES)
        sync_folder(second)


def read_wishes(second: Path | None) -> dict[str, datetime]:
    """Those that were noted; none where there is no second place. WishesUnreadable when the file is damaged."""
    if second is None or not (second / WISHES).exists():
        return {}
    try:
        said = json.loads((second / WISHES).read_bytes())
        return {str(uid): _aware(at) for uid, at in said.items()}
    except (ValueError, TypeError, AttributeError):
        raise WishesUnreadable(second / WISHES) from None


def _aware(written: str) -> datetime:
    at = datetime.fromisoformat(written)
    if at.tzinfo is None:
        raise ValueError("a time without its zone")
    return at


def copies(second: Path) -> list[Path]:
    """The copies of the key store, oldest first."""
    folder = second / COPIES
    return sorted(path for path in folder.iterdir() if _NAME.fullmatch(path.name)) if folder.is_dir() else []


def newest(second: Path) -> Path | None:
    """The newest copy of the key store, None when there is none."""
    return next(reversed(copies(second)), None)


def made_at(copy: Path) -> datetime:
    """When a copy was made, by its name."""
    return datetime.strptime(copy.name, "keys-%Y%m%dT%H%M%SZ.db").replace(tzinfo=UTC)


def looked_at(second: Path) -> datetime | None:
    """When the second place was last brought up to date."""
    said = _note(second).get("looked_at")
    return None if said is None else datetime.fromisoformat(said)


def lacking_secrets(secrets: Path, second: Path) -> list[str]:
    """Secret files that the second place does not hold, or not the same."""
    there = second / SECRETS
    lacking = [
        name
        for name in secret_names(secrets)
        if not (there / name).exists() or (there / name).read_bytes() != (secrets / name).read_bytes()
    ]
    known = read_handovers(there)
    return lacking if all(one in known for one in read_handovers(secrets)) else [*lacking, HANDOVERS]


def verify(secrets: Path, keys: Keys, second: Path, now: datetime) -> list[str]:
    """Would the second place alone give everything back? What would not, a line each. It is really opened, with its secrets."""
    problems = [f"secrets/{name} is missing there, or is another one" for name in lacking_secrets(secrets, second)]
    for path in sorted((second / SECRETS).glob("*")):
        if stat.S_IMODE(path.stat().st_mode) & 0o077:
            problems.append(f"secrets/{path.name} may be read by others: chmod 0400")
    copy = newest(second)
    if copy is None:
        return [*problems, "there is no copy of the key store"]
    if _note(second).get("sha256") != digest(copy):
        return [*problems, f"{copy.name} is not as it was written"]
    return problems + _open_copy(second, copy, keys, now)


def _open_copy(second: Path, copy: Path, keys: Keys, now: datetime) -> list[str]:
    problems = []
    part = copy.with_name(f".{copy.name}.look")
    part.unlink(missing_ok=True)
    part.write_bytes(copy.read_bytes())
    part.chmod(0o600)
    try:
        store = KeyStore(part, load_secrets(second, needed=True), lambda: now)
        try:
            store.opens()
            late = keys.owners() - store.owners()
        finally:
            store.close()
        if late:
            problems.append(
                f"{len(late)} keys were made since {made_at(copy):%Y-%m-%d %H:%M:%S} UTC and are not in the copy"
            )
    except BinhAnError as error:
        problems.append(f"{copy.name} does not open with the secrets there: {error}")
    finally:
        for left in part.parent.glob(f"{part.name}*"):
            left.unlink()
    return problems


def retire_there(second: Path, gone: Iterable[str]) -> None:
    """Key-encryption keys that were taken away here go there too."""
    for kek in gone:
        (second / SECRETS / kek).unlink(missing_ok=True)
    if (second / SECRETS).is_dir():
        sync_folder(second / SECRETS)


def change_session_key(secrets: Path, second: Path | None) -> None:
    """A new session key, in the second place first, which otherwise would take it for another installation's; processes read it
    when they start. Killed in between: run again. Raises SecondPlaceGone before anything is changed.
    """
    if second is not None and not (second / NOTE).exists():
        raise SecondPlaceGone(str(second))
    value = token_bytes(SIZE)
    if second is not None:
        write_secret(second / SECRETS / SESSION, value)
    write_secret(secrets / SESSION, value)


def _copy_secrets(source: Path, target: Path) -> list[str]:
    fresh = []
    for name in secret_names(source):
        value = (source / name).read_bytes()
        if not (target / name).exists():
            write_secret(target / name, value)
            fresh.append(name)
        elif (target / name).read_bytes() != value:
            raise OtherSecrets(f"{target / name}")
    if not share_handovers(source, target):
        raise OtherSecrets(f"{target / HANDOVERS}")
    retire_audit_keys(
        target
    )  # after the note that they were handed over, without which older heads could not be proven
    return fresh


def _copy_store(keys: Keys, folder: Path, now: datetime) -> None:
    name = f"keys-{now.astimezone(UTC):%Y%m%dT%H%M%SZ}.db"
    part = folder / f".{name}.part"
    part.unlink(missing_ok=True)
    keys.copy_to(part)
    part.replace(folder / name)
    sync_folder(folder)


def _superfluous(found: list[Path], now: datetime) -> list[Path]:
    """All of the last hour stay, then the last one of each hour for a day and of each day for a week; the newest always."""
    kept: dict[str, Path] = {}
    for path in found:
        age = now - made_at(path)
        if age <= timedelta(hours=1):
            kept[path.name] = path
        elif age <= timedelta(days=1):
            kept[f"{made_at(path):%Y%m%d%H}"] = path
        elif age <= KEPT:
            kept[f"{made_at(path):%Y%m%d}"] = path
    return [path for path in found[:-1] if path not in kept.values()]


def _note(second: Path) -> dict[str, str]:
    try:
        said: dict[str, str] = json.loads((second / NOTE).read_bytes())
    except (OSError, ValueError):
        return {}
    return said if isinstance(said, dict) else {}


def _write_note(second: Path, said: dict[str, str]) -> None:
    part = second / f".{NOTE}.part"
    write_durably(part, json.dumps(said).encode())
    part.replace(second / NOTE)
    sync_folder(second)
