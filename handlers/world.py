"""What a decision may know beside the database: content, places, services, rules. Immutable, so that deciding stays repeatable.

`Worlds` holds the current one; wiring replaces it whole when content or directory change.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

from flows.library import Library
from flows.loader import load
from handlers.directory import Directory
from handlers.ports import ContentStore
from handlers.rules.places import Gazetteer
from handlers.rules.screening import Screening


class Libraries:
    """Published content by version, loaded once each: running sessions finish on the version they began with."""

    def __init__(self) -> None:
        """Empty; libraries come in as they are needed."""
        self._loaded: dict[str, Library] = {}

    def add(self, library: Library) -> None:
        """Keep a library that is loaded already."""
        self._loaded[library.version] = library

    def of(self, version: str, content: ContentStore) -> Library | None:
        """The library of a version, read from the store when it is not here yet; None when nobody has it."""
        known = self._loaded.get(version)
        if known is not None or not version:
            return known
        published = content.get(version)
        library = load(published.files).library if published is not None else None
        if library is not None:
            self._loaded[version] = library
        return library


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """One consistent view. `library` is the current content version; older ones through `libraries`."""

    library: Library = field(repr=False)
    libraries: Libraries = field(repr=False)
    screening: Screening = field(repr=False)
    gazetteer: Gazetteer = field(repr=False)
    directory: Directory = field(repr=False)
    zone: ZoneInfo
    pulled: frozenset[str] = frozenset()  # channels that their reader fetches: nothing reaches her there by itself

    @property
    def resume_within(self) -> timedelta:
        """A contact silent for longer is greeted like a new one (non-oracle, invariant 16)."""
        return self.library.manifest.resume_within

    def resume_window(self, session: Mapping[str, Any] | None) -> timedelta:
        """`resume_within` for the flows that a stored session stands in: any of them may shorten it, none can stretch it."""
        frames = session.get("frames", ()) if session is not None else ()
        flows = [self.library.flows.get(str(frame[0])) for frame in frames if frame]
        shorter = [flow.resume_within for flow in flows if flow is not None and flow.resume_within is not None]
        return min([self.resume_within, *shorter])


class Worlds:
    """The current world; also the `Voice` of the service (phrases of the current content)."""

    def __init__(self, world: World) -> None:
        """Start with `world`."""
        self.current = world

    def replace(self, world: World) -> None:
        """From now on decisions use this world; running ones keep theirs."""
        self.current = world

    def say(self, key: str, language: str = "", /, **values: str) -> str:
        """A phrase of the current content, filled; see `handlers.voice.Voice`."""
        return self.current.library.say(key, language, **values)
