"""What one process of the service does: everything, or a share of it where several work on one PostgreSQL."""

from __future__ import annotations

from enum import StrEnum

from handlers.errors import BinhAnError


class Role(StrEnum):
    """The word after `--role`."""

    ALL = "all"  # one process does everything
    WEB = "web"  # pages and webhooks: stores what comes in, shows what goes to open pages
    WORKER = "worker"  # handles, rings, sends, asks platforms for updates
    AUDITOR = "auditor"  # looks at the others from outside, and raises the alarm

    @property
    def serves_pages(self) -> bool:
        """Seeker page, desk page, webhooks."""
        return self in (Role.ALL, Role.WEB)

    @property
    def works(self) -> bool:
        """Lanes, timers, sending to platforms, polling."""
        return self in (Role.ALL, Role.WORKER)


class NeedsPostgres(BinhAnError):
    """A share of the work needs a database that several processes can share; set database.url to postgresql://…, or leave out
    --role.
    """

    code = "needs-postgres"
