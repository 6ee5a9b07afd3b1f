"""Changes the key that signs the audit log: a new file, a handover that both keys sign, and the end of the old one.

**Order.** The new key is durable, and in the second place, before the log is handed over to it; the handover is noted beside the
keys before the old private key is destroyed. Killed on the way, the next run finishes what was begun; until the handover is
committed nothing has changed.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from bot.config import Config
from bot.heads import append_head
from bot.wiring.opening import installation_of, storage_of
from handlers import failpoints
from handlers.audit_heads import SignedHead, chain_of
from handlers.audit_signing import HandOver, HeadSigner
from storage import second_place
from storage.audit_keys import note_handovers, prepare_audit_key, read_handovers, retire_audit_keys, to_retire
from storage.installation import SECRETS, Installation
from storage.lock import one_at_a_time
from storage.open import Storage, utc_now
from storage.secrets import load_secrets


@dataclass(frozen=True, slots=True)
class AuditKeyChanged:
    """What a change of the audit key did."""

    handover: SignedHead
    resumed: bool  # an earlier one had been interrupted, or begun on another machine, and this finished it
    destroyed: list[str]  # private keys that lay here
    unreached: list[str]  # files for heads kept elsewhere that could not be written


def prepare_audit_key_of(config: Config) -> str:
    """Make the next key without using it, so that it can be copied to other machines; its name."""
    here = installation_of(config)
    here.must_have_begun()
    load_secrets(config.var, needed=True)
    return prepare_audit_key(here.secrets)


def change_audit_key(config: Config, by: str) -> AuditKeyChanged:
    """Let a new key sign the audit log from now on, while the service may run; `by` is the actor of its row."""
    installation_of(config).must_have_begun()

    async def change() -> AuditKeyChanged:
        storage = storage_of(config)
        try:
            with one_at_a_time(config.var):  # two at once would take each other's files away
                return await _change(config, storage, by)
        finally:
            await storage.close()

    return asyncio.run(change())


async def _change(config: Config, storage: Storage, by: str) -> AuditKeyChanged:
    here, signer = installation_of(config), HeadSigner(storage.secrets.audit)
    links = await storage.door.read(lambda uow: chain_of(signer.keys, uow.audit.signed()).links)
    resumed = _is_unfinished(here, links)
    _copy(here, storage)  # a disk that is away stops it here
    if not resumed:
        name = prepare_audit_key(here.secrets)
        failpoints.passing("audit_key.made")
        _copy(here, storage)
        links = (await storage.door.run(signer.hand_over, HandOver(name, by)), *links)
        failpoints.passing("audit_key.handed_over")
    note_handovers(here.secrets, list(reversed(links)))
    failpoints.passing("audit_key.noted")
    destroyed = retire_audit_keys(here.secrets)
    failpoints.passing("audit_key.destroyed")
    _copy(here, storage)  # takes the old one away there as well
    return AuditKeyChanged(links[0], resumed, destroyed, _keep_elsewhere(config, links[0]))


def _is_unfinished(here: Installation, links: tuple[SignedHead, ...]) -> bool:
    """Is there a handover that is not noted everywhere, or whose old key still lies somewhere?"""
    places = [here.secrets, *([here.second / SECRETS] if here.second is not None else [])]
    for place in places:
        if place.is_dir() and (to_retire(place) or any(one not in read_handovers(place) for one in links)):
            return True
    return False


def _copy(here: Installation, storage: Storage) -> None:
    if here.second is not None:
        second_place.copy_keys(here.secrets, storage.keys, here.second, utc_now())


def _keep_elsewhere(config: Config, head: SignedHead) -> list[str]:
    """The handover also goes where nobody who may write here can write: whoever keeps the old heads can follow it from there."""
    unreached = []
    for path in config.keeping.heads:
        try:
            append_head(path, head)
        except OSError:
            unreached.append(str(path))
    return unreached
