"""Publishing: which content runs, since when, by whose hand, and the way back.

Whoever publishes has seen a difference and a count of people first; the operations here make sure that what was shown is
still what happens. Conversations under way keep the version they began with (`handlers/turn.py: Turn.session`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

from flows.loader import load, version_of
from handlers import audit
from handlers.command_line import at_command_line
from handlers.directory_files import load_seed
from handlers.errors import BinhAnError
from handlers.model import AuditEntry
from handlers.ports import ContentSet, Publication, UnitOfWork

DESPITE: Final = frozenset({"uncovered-step", "unreachable-flow", "unreachable-step", "unused-variable"})
"""Findings that one may publish in spite of, each by its name: untidy, but no seeker is worse off. No other ever."""

MAX_NAME_CHARS: Final = 40  # of who publishes
RESUME_WITHIN: Final = timedelta(minutes=30)  # when the running set itself cannot be asked
SHORTEST_VERSION: Final = 6  # characters of a version that may stand for the whole


class Overtaken(BinhAnError):
    """Somebody published in the meantime; give the command again to see the difference to what runs now."""

    code = "overtaken"


class CannotRun(BinhAnError):
    """This content set cannot run; nothing was changed. `flows check` says what to mend."""

    code = "content-cannot-run"


class NoSuchVersion(BinhAnError):
    """No single published version begins like this; `flows versions` lists them."""

    code = "no-such-version"


class NothingBefore(BinhAnError):
    """There is no version before this one to go back to; `flows versions` lists what can be named instead."""

    code = "nothing-before"


class NoName(BinhAnError):
    """Say who publishes: a name of 1 to 40 characters (`--by NAME`)."""

    code = "no-name"


@dataclass(frozen=True, slots=True, kw_only=True)
class Publish:
    """Make these files the current content. `instead_of` is the version that ran when the difference was shown."""

    files: Mapping[str, bytes] = field(repr=False)
    by: str
    instead_of: str | None
    despite: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class RollBack:
    """Make an earlier version current again. `instead_of` as with `Publish`."""

    version: str
    by: str
    instead_of: str | None


@dataclass(frozen=True, slots=True)
class Published:
    """What runs now, what ran before, and whether anything was changed at all."""

    version: str
    before: str | None
    changed: bool


def publish(uow: UnitOfWork, items: Sequence[Publish]) -> list[Published]:
    """Operation: store the set and make it current; recorded with who did it. The set that runs already is left alone.

    Raises Overtaken, CannotRun or NoName. What `flows check` finds is the caller's to refuse: it needs the host.
    """
    return [_publish(uow, item) for item in items]


def roll_back(uow: UnitOfWork, items: Sequence[RollBack]) -> list[Published]:
    """Operation: make a version current that was published before. Raises Overtaken, NoSuchVersion, CannotRun or NoName."""
    return [_roll_back(uow, item) for item in items]


def _publish(uow: UnitOfWork, item: Publish) -> Published:
    current = _still(uow, item.instead_of)
    version = version_of(item.files)
    if version == current:
        return Published(version, current, changed=False)
    detail = {"despite": ",".join(sorted(item.despite))} if item.despite else {}
    return _make_current(uow, item.files, item.by, current, audit.CONTENT_PUBLISHED, detail)


def _roll_back(uow: UnitOfWork, item: RollBack) -> Published:
    current = _still(uow, item.instead_of)
    found = uow.content.get(item.version)
    if found is None:
        raise NoSuchVersion(item.version[:12])
    if item.version == current:
        return Published(item.version, current, changed=False)
    return _make_current(uow, found.files, item.by, current, audit.CONTENT_ROLLED_BACK, {})


def _still(uow: UnitOfWork, expected: str | None) -> str | None:
    current = uow.content.current()
    if current != expected:
        raise Overtaken((current or "")[:12])
    return current


def _make_current(
    uow: UnitOfWork, files: Mapping[str, bytes], by: str, before: str | None, action: str, detail: Mapping[str, str]
) -> Published:
    if not 0 < len(by.strip()) <= MAX_NAME_CHARS or not by.isprintable():
        raise NoName
    loaded = load(files)
    if loaded.library is None:
        raise CannotRun(f"{loaded.findings[0].file}:{loaded.findings[0].line}" if loaded.findings else "")
    version = loaded.library.version
    uow.content.publish(ContentSet(version=version, files=files, published_at=uow.now, published_by=by.strip()))
    if (
        before is None and not uow.services.revision()
    ):  # as at a first start: the directory begins with what the set brings along
        uow.services.replace([service.to_row() for service in load_seed(files)])
    entry = AuditEntry(
        actor=at_command_line(by), action=action, object=version, detail={"before": before or "", **detail}
    )
    uow.audit.add(entry)
    return Published(version, before, changed=True)


def is_newer(uow: UnitOfWork, shipped: str) -> bool:
    """Does the program bring a content set that was never published here? After an upgrade it may, until it is published."""
    published = {one.version for one in uow.content.history()}
    return bool(shipped and published) and shipped not in published


def before_current(history: Sequence[Publication]) -> str:
    """The version to go back to: the one that ran before the current one was first published.

    Going back twice goes two versions back, never forth again to what was taken back. Raises NothingBefore.
    """
    path: list[str] = []
    for publication in history:
        if publication.version in path:
            del path[path.index(publication.version) + 1 :]  # it came back: what followed it was taken back
        else:
            path.append(publication.version)
    if len(path) < 2:
        raise NothingBefore
    return path[-2]


def named_version(history: Iterable[Publication], beginning: str) -> str:
    """The version that begins with these characters (at least `SHORTEST_VERSION`). Raises NoSuchVersion."""
    found = {publication.version for publication in history if publication.version.startswith(beginning)}
    if len(beginning) < SHORTEST_VERSION or len(found) != 1:
        raise NoSuchVersion(beginning[:12])
    return found.pop()


def by_step(standing: Mapping[tuple[str, str], int], version: str) -> dict[str, int]:
    """How many people stand on each step ("flow.step") of one version."""
    return {place: count for (stood, place), count in standing.items() if stood == version}


def by_version(standing: Mapping[tuple[str, str], int]) -> dict[str, int]:
    """How many people are in a conversation of each version."""
    counted: dict[str, int] = {}
    for (version, _), count in standing.items():
        counted[version] = counted.get(version, 0) + count
    return counted
