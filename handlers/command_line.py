"""Whoever stands at the server's own command line, as the audit log names her: `command line: NAME`.

The name is what the system account or `--by` says. It can never pass for a staff uid, for "system" or for "seeker".
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from typing import Final

from handlers.model import AuditEntry
from handlers.operation import operation
from handlers.ports import UnitOfWork

COMMAND_LINE: Final = "command line"
"""Actor of a row when nobody could be named; the beginning of every other actor at the command line."""
NOBODY: Final = "somebody"
MAX_NAME_CHARS: Final = 40
_PLAIN: Final = frozenset(" ._-@+()")


def plain_name(name: str) -> str:
    """A name for the log: letters, digits and a few signs, at most 40 characters; anything else becomes `_`. May be empty."""
    said = " ".join(unicodedata.normalize("NFC", name).split())
    return "".join(one if _harmless(one) else "_" for one in said)[:MAX_NAME_CHARS].strip()


def _harmless(one: str) -> bool:
    return one in _PLAIN or one.isalnum() or unicodedata.category(one) == "Mn"


def at_command_line(name: str) -> str:
    """The actor of a row (at most 64 characters)."""
    return f"{COMMAND_LINE}: {plain_name(name) or NOBODY}"


def is_command_line(actor: str) -> bool:
    """Was it done at the server's own command line? No staff uid ever begins like this."""
    return actor == COMMAND_LINE or actor.startswith(f"{COMMAND_LINE}: ")


def named(actor: str) -> str:
    """The bare name of whoever did it at the command line; other actors as they are."""
    return actor.removeprefix(f"{COMMAND_LINE}: ") if is_command_line(actor) else actor


@operation("writer")
def note(uow: UnitOfWork, entries: Sequence[AuditEntry]) -> list[None]:
    """Rows about what commands did outside this database: with keys, files, backups."""
    for entry in entries:
        uow.audit.add(entry)
    return [None for _ in entries]
