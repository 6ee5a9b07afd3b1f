"""Who has an open desk page, within one process."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from handlers.ports import Presence


class LocalPresence:
    """`handlers.ports.Presence` within one process."""

    def __init__(self) -> None:
        self._present: frozenset[str] = frozenset()

    def here(self, uids: Collection[str]) -> None:
        """These have one now, nobody else here."""
        self._present = frozenset(uids)

    def everywhere(self) -> frozenset[str] | None:
        """Never known: nobody tells this process of the others."""
        return None

    def who(self) -> frozenset[str]:
        """Everybody who has one."""
        return self._present


if TYPE_CHECKING:

    def _is_presence(presence: LocalPresence) -> Presence:
        return presence
