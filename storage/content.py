"""Published flow sets on SQL: each version once, compressed, and the order in which versions became current.

Recorded audio is stored apart, each recording once; a set's files hold only its hash.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from typing import TYPE_CHECKING

import msgspec
from sqlalchemy import bindparam, insert, select

from flows import audio
from handlers.ports import ContentSet, Publication
from storage.registers import content_current, content_recordings, content_sets

if TYPE_CHECKING:
    from storage.uow import SqlUnitOfWork

_files = msgspec.msgpack.Decoder(dict[str, bytes])
_ADD = insert(content_sets)
_MAKE_CURRENT = insert(content_current)
_CURRENT = select(content_current.c.version).order_by(content_current.c.id.desc()).limit(1)
_HISTORY = select(content_current.c.version, content_current.c.published_at, content_current.c.published_by).order_by(
    content_current.c.id
)
_GET = select(content_sets).where(content_sets.c.version == bindparam("version"))
_RECORDING = select(content_recordings.c.content).where(content_recordings.c.sha256 == bindparam("sha256"))
_HAS_RECORDING = select(content_recordings.c.sha256).where(content_recordings.c.sha256 == bindparam("sha256"))
_ADD_RECORDING = insert(content_recordings)
_HAS = select(content_sets.c.version).where(content_sets.c.version == bindparam("version"))


class ContentSets:
    """`handlers.ports.ContentStore` on SQL."""

    def __init__(self, uow: SqlUnitOfWork) -> None:
        self._uow = uow

    def publish(self, content: ContentSet) -> None:
        """Store the files once per version and make this version current."""
        made = {
            "version": content.version,
            "published_at": content.published_at,
            "published_by": content.published_by,
        }
        if self._uow.execute(_HAS, {"version": content.version}).first() is None:
            files = zlib.compress(msgspec.msgpack.encode(self._without_recordings(content.files)), 9)
            self._uow.execute(_ADD, made | {"files": files})
        if self.current() != content.version:
            self._uow.execute(_MAKE_CURRENT, made)

    def _without_recordings(self, files: Mapping[str, bytes]) -> dict[str, bytes]:
        """The files with the hash of each recording in its place; the recordings themselves are stored once."""
        kept = dict(files)
        for name, content in files.items():
            if not audio.is_audio(name):
                continue
            kept[name] = audio.pointer(content)
            sha256 = audio.recording(name, content).sha256
            if kept[name] != content and self._uow.execute(_HAS_RECORDING, {"sha256": sha256}).first() is None:
                self._uow.execute(_ADD_RECORDING, {"sha256": sha256, "content": content})
        return kept

    def recording(self, sha256: str) -> bytes | None:
        """The bytes of a recording."""
        content: bytes | None = self._uow.execute(_RECORDING, {"sha256": sha256}).scalar()
        return content

    def current(self) -> str | None:
        """The current version, or None. Whoever may publish looks alone."""
        self._uow.lock_name("content")
        version: str | None = self._uow.execute(_CURRENT).scalar()
        return version

    def get(self, version: str) -> ContentSet | None:
        """A set by version."""
        row = self._uow.execute(_GET, {"version": version}).first()
        if row is None:
            return None
        return ContentSet(
            version=row.version,
            files=_files.decode(zlib.decompress(row.files)),
            published_at=row.published_at,
            published_by=row.published_by,
        )

    def history(self) -> list[Publication]:
        """Every moment at which a version became current, oldest first."""
        return [
            Publication(version=row.version, published_at=row.published_at, published_by=row.published_by)
            for row in self._uow.execute(_HISTORY).all()
        ]
