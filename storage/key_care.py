"""What may make the keys get lost, in words for whoever runs the machine; and what `keys show` and `keys check` say.

Ids and counts only: no key, no part of one and nothing made from one is ever shown.
"""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from handlers.errors import BinhAnError
from handlers.health import KeyRisk
from storage.audit_keys import audit_key_names, audit_number, signing, to_retire
from storage.checking import missing_keys
from storage.data_keys import Keys
from storage.installation import KEYS, Installation
from storage.rotation import CHANGE_EVERY
from storage.second_place import OLD, copies, lacking_secrets, looked_at, made_at, newest
from storage.secrets import kek_ids, kek_number, load_secrets, put_at

CHANGE_AUDIT_KEY_EVERY: Final = timedelta(days=365)
"""How long one key should sign the audit log."""
NO_SECOND = (
    "the keys exist once, on this disk. If it breaks, nobody can ever read a message again, and no backup helps. "
    "Write a folder on another disk as keys_second into the configuration, then run: python -m bot keys copy"
)


@dataclass(frozen=True, slots=True)
class KekShown:
    """One key-encryption key as `keys show` lists it."""

    kek: str
    wraps: int  # data keys under it
    active: bool
    begun: bool  # it wraps or has wrapped
    since: datetime | None  # None: since the beginning
    here: bool
    second: bool


@dataclass(frozen=True, slots=True)
class KeysShown:
    """Everything `keys show` says."""

    keks: list[KekShown]
    data_keys: int
    destroyed: int
    second: Path | None
    copy_made_at: datetime | None
    copies: int
    looked_at: datetime | None
    audit_key: str  # signs the audit log
    audit_since: datetime | None
    audit_waiting: list[str]  # prepared, not in use


def show(here: Installation, keys: Keys) -> KeysShown:
    """The state of the keys."""
    begun, wraps, active = keys.begun_at(), keys.wrapped_under(), keys.active(fresh=True)
    present = kek_ids(here.secrets)
    there = kek_ids(here.second / "secrets") if here.second is not None else []
    listed = sorted({*begun, *present, *wraps}, key=lambda kek: int(kek.removeprefix("kek_")))
    found = copies(here.second) if here.second is not None else []
    name, since = signing(here.secrets)
    return KeysShown(
        keks=[
            KekShown(kek, wraps.get(kek, 0), kek == active, kek in begun, begun.get(kek), kek in present, kek in there)
            for kek in listed
            if kek in present or kek in wraps or kek == active
        ],
        data_keys=sum(wraps.values()),
        destroyed=len(keys.destroyed()),
        second=here.second,
        copy_made_at=made_at(found[-1]) if found else None,
        copies=len(found),
        looked_at=looked_at(here.second) if here.second is not None else None,
        audit_key=name,
        audit_since=since,
        audit_waiting=[one for one in audit_key_names(here.secrets) if audit_number(one) > audit_number(name)],
    )


NOT_LOOKED = "keys-not-looked-at"
RISKS = (
    "keys-once",
    "keys-second-empty",
    "keys-second-same-disk",
    "keys-second-lacks",
    "keys-second-no-copy",
    "keys-second-old",
    "keys-second-unreadable",
    "kek-missing-here",
    "kek-missing-elsewhere",
    "kek-old",
    "kek-unfinished",
    "audit-key-old",
    "audit-key-unfinished",
    NOT_LOOKED,
)
"""Every code of a risk, so that whoever has words for them can prove that none is missing."""


def warnings(here: Installation, keys: Keys, now: datetime) -> list[str]:
    """`risks`, a sentence each with what to do."""
    return [risk.said for risk in risks(here, keys, now)]


def risks(here: Installation, keys: Keys, now: datetime) -> list[KeyRisk]:
    """What may make the keys get lost or be read by others; quick enough for every start and for a page."""
    found = _of_second_place(here, here.second, now) if here.second is not None else [KeyRisk("keys-once", NO_SECOND)]
    active, begun, wraps = keys.active(fresh=True), keys.begun_at(), keys.wrapped_under()
    present = kek_ids(here.secrets)
    needed = sorted({*wraps, active}, key=kek_number)
    away = [kek for kek in needed if kek not in present]
    if away:
        names = ", ".join(away)
        found.append(
            KeyRisk(
                "kek-missing-here",
                f"secrets/{names} is not on this machine any more: what is wrapped under it cannot be read after the next "
                "start. Copy it from secrets/ of the second place (0400)",
                names,
            )
        )
    keys.peppers.learn()
    used = [kek for kek in present if kek in needed or kek_number(kek) > kek_number(active)]
    found += _elsewhere(keys, [*used, *keys.peppers.ids()])
    since = begun.get(active) or put_at(here.secrets / active)
    if since is not None and now - since > CHANGE_EVERY:
        days = (now - since).days
        said = f"{active} has wrapped the keys for {days} days; change it with: python -m bot keys rotate"
        found.append(KeyRisk("kek-old", said, str(days)))
    unfinished = sum(count for kek, count in wraps.items() if kek != active)
    if unfinished:
        found.append(
            KeyRisk(
                "kek-unfinished",
                f"{unfinished} data keys are still under an older key-encryption key; finish with: python -m bot keys rotate",
                str(unfinished),
            )
        )
    return found + _of_audit_key(here, now)


def _of_audit_key(here: Installation, now: datetime) -> list[KeyRisk]:
    """The key that signs the audit log: too old, or one from before that should be gone."""
    found = []
    name, since = signing(here.secrets)
    if since is not None and now - since > CHANGE_AUDIT_KEY_EVERY:
        days = (now - since).days
        said = f"{name} has signed the audit log for {days} days; change it with: python -m bot keys rotate-audit"
        found.append(KeyRisk("audit-key-old", said, str(days)))
    left = ", ".join(to_retire(here.secrets))
    if left:
        said = f"secrets/{left} was handed over and is still here; finish with: python -m bot keys rotate-audit"
        found.append(KeyRisk("audit-key-unfinished", said, left))
    return found


def _elsewhere(keys: Keys, keks: list[str]) -> list[KeyRisk]:
    """Machines at work that lack one of these."""
    lacking = {kek: keys.lacking(kek) for kek in keks}
    return [
        KeyRisk(
            "kek-missing-elsewhere",
            f"{kek} cannot be read by {', '.join(machines)}; copy var/secrets/{kek} to that machine (0400) and restart there",
            f"{kek} ({', '.join(machines)})",
        )
        for kek, machines in lacking.items()
        if machines
    ]


def _of_second_place(here: Installation, second: Path, now: datetime) -> list[KeyRisk]:
    try:
        if looked_at(second) is None:
            said = (
                f"the second place of the keys ({second}) is empty or not there: the keys exist once. Is the disk plugged in and "
                "mounted? Then run: python -m bot keys copy"
            )
            return [KeyRisk("keys-second-empty", said)]
        found = []
        if second.stat().st_dev == here.var.stat().st_dev:
            said = (
                f"the second place of the keys ({second}) is on the same disk as {here.var}: one broken disk takes both. "
                "Use another disk or another machine's"
            )
            found.append(KeyRisk("keys-second-same-disk", said))
        lacking = ", ".join(lacking_secrets(here.secrets, second))
        if lacking:
            said = f"the second place of the keys lacks {lacking}, or holds another one. Run: python -m bot keys copy"
            found.append(KeyRisk("keys-second-lacks", said, lacking))
        at = looked_at(second)
        if newest(second) is None or at is None:  # somebody has taken it away
            said = "the second place holds no copy of the key store. Run: python -m bot keys copy"
            found.append(KeyRisk("keys-second-no-copy", said))
        elif now - at > OLD:
            said = (
                f"the keys were last copied {in_words(now - at)} ago: whoever has written since could not be read again. "
                "Run: python -m bot keys copy"
            )
            found.append(KeyRisk("keys-second-old", said))
    except OSError as error:
        said = (
            f"the second place of the keys ({second}) cannot be read: {error.strerror}. Mend that before anything else"
        )
        return [KeyRisk("keys-second-unreadable", said)]
    return found


def check(here: Installation, now: datetime) -> list[str]:
    """Does every key here open, and does every record find its own? What does not, a line each."""
    if not here.keys_url and not (here.var / KEYS).exists():
        return [f"{KEYS} is not there; put the newest copy from the second place of the keys in its place"]
    try:
        with closing(here.open_keys(load_secrets(here.var, needed=True), lambda: now)) as keys:
            keys.require()
            keys.opens()
            return missing_keys(here, keys)
    except BinhAnError as error:
        return [f"{error.code}: {error}"]


def in_words(time: timedelta) -> str:
    """A length of time as a person says it."""
    minutes = round(time.total_seconds() / 60)
    if minutes < 1:
        return f"{round(time.total_seconds())} s"
    if minutes < 120:
        return f"{minutes} min"
    if minutes < 48 * 60:
        return f"{minutes // 60} h {minutes % 60} min"
    return f"{minutes // 1440} days {minutes % 1440 // 60} h"
