"""Changes the key-encryption key while everything runs, and takes old ones away when no copy can need them any more.

**Order.** The new file is durable, and every machine at work can read it, before the key store says that it wraps. From then on
new data keys are wrapped under it, and all others are wrapped anew in small steps; a reader takes whichever a row names. Nothing
waits, and a process that dies in between leaves nothing but work for the next run.

An old file stays for as long as copies of the key store are kept (`KEPT`): those copies need it.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from handlers.errors import BinhAnError
from storage.data_keys import ACTIVE_FOR_S, Keys
from storage.secrets import kek_ids, kek_number, new_kek, sync_folder

KEPT: Final = timedelta(days=7)
"""How long copies of the key store are kept: that is how erasing reaches backups of the data."""
CHANGE_EVERY: Final = timedelta(days=90)
"""How long one key-encryption key should wrap."""
PAUSE_S: Final = 0.002
OTHERS_WITHIN_S: Final = 60.0
"""Processes say every 15 s which keys they can read; one that has not for 45 s is gone."""


class NotEverywhere(BinhAnError):
    """Other machines cannot read the new file yet; copy it into their secrets folders, then repeat this."""

    code = "kek-not-everywhere"


@dataclass(frozen=True, slots=True)
class Rotated:
    """What a rotation did."""

    kek: str
    keys: int  # data keys wrapped anew
    resumed: bool  # an earlier one had been interrupted, and this finished it
    seconds: float


def prepare(folder: Path, keys: Keys) -> str:
    """Have a new key-encryption key lie in the secrets folder, unused; its id. One that lies there already is enough."""
    active = kek_number(keys.active(fresh=True))
    waiting = [kek for kek in kek_ids(folder) if kek_number(kek) > active]
    return waiting[-1] if waiting else new_kek(folder, active)


def rotate(
    folder: Path, keys: Keys, *, within_s: float = OTHERS_WITHIN_S, sleep: Callable[[float], None] = time.sleep
) -> Rotated:
    """Let a new key-encryption key (the prepared one, else one made now) wrap every data key. An interrupted rotation is finished
    instead. Raises NotEverywhere after `within_s`, KeyMissing or Unreadable; every key stays readable whatever happens.
    """
    began = time.monotonic()
    active = keys.active(fresh=True)
    resumed = any(kek != active for kek in keys.wrapped_under())
    if not resumed:
        active = prepare(folder, keys)
        wait_for_others(keys, active, within_s, sleep)
        keys.begin(active)
    done = rewrap_all(keys, sleep)
    return Rotated(active, done, resumed, time.monotonic() - began)


def rewrap_all(keys: Keys, sleep: Callable[[float], None] = time.sleep) -> int:
    """Wrap everything under the active key-encryption key; how many data keys were not yet."""
    done = 0
    for last_look in (False, True):
        while found := keys.rewrap():
            done += found
            sleep(PAUSE_S)  # whoever has a new contact to store goes first
        if not last_look:
            sleep(ACTIVE_FOR_S + 0.2)  # others may have wrapped under the older one for so long
    keys.leave_no_trace()
    return done


def retire(folder: Path, keys: Keys, now: datetime) -> tuple[list[str], dict[str, datetime]]:
    """Take away the files of key-encryption keys that nothing and no kept copy is wrapped under; those taken, and those that must
    stay for now with the time until when.
    """
    keys.require()
    active = keys.active(fresh=True)
    begun = keys.begun_at()
    in_use = keys.wrapped_under()
    gone: list[str] = []
    waiting: dict[str, datetime] = {}
    for kek in kek_ids(folder):
        if kek_number(kek) >= kek_number(active) or kek in in_use:
            continue
        after = [at for other, at in begun.items() if kek_number(other) > kek_number(kek) and at is not None]
        until = min(after, default=now) + KEPT
        if until > now:
            waiting[kek] = until
        else:
            (folder / kek).unlink()
            gone.append(kek)
    sync_folder(folder)
    return gone, waiting


def wait_for_others(
    keys: Keys, name: str, within_s: float = OTHERS_WITHIN_S, sleep: Callable[[float], None] = time.sleep
) -> None:
    """Wait until every process at work can read this key-encryption key or lookup pepper; NotEverywhere after `within_s`."""
    keys.say_held()
    until = time.monotonic() + within_s
    while lacking := keys.lacking(name):
        if time.monotonic() > until:
            raise NotEverywhere(f"secrets/{name} is not readable for {'; '.join(lacking)}")
        sleep(0.5)
