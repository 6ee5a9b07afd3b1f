"""The canaries of one test, and the question whether one of them sits in some bytes."""

from __future__ import annotations

import base64
import html
import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from urllib.parse import quote, quote_plus

ROOT = Path(__file__).resolve().parents[2]
SHORTEST_WORDS = 10  # characters; shorter ones stand in honest lines too ("chào em")
SHORTEST_ID = 7
BEGINNING = 6  # bytes; no value is shorter
AT_ONCE = 100_000_000  # values times bytes that are looked through one by one
MOST = 50_000  # a property test may make many; the first ones are as good as the last


@dataclass(frozen=True)
class Found:
    """A canary where it must not be."""

    kind: str
    value: str
    place: str

    def __str__(self) -> str:
        return f"{self.kind} in {self.place}: {self.value[:60]!r}"


@dataclass
class Cage:
    """Everything that must not come out, with the ways in which it is usually written."""

    _values: dict[bytes, tuple[str, str]] = field(
        default_factory=dict
    )  # as it would be written -> (kind, as it was given)

    def clear(self) -> None:
        """A new test begins."""
        self._values.clear()

    def words(self, kind: str, value: object) -> None:
        """A text of somebody: as it is, and as JSON would write it."""
        if isinstance(value, str) and len(value.strip()) >= SHORTEST_WORDS and len(set(value)) > 3:
            self._add(kind, value.strip(), _spellings(value.strip()))

    def name(self, kind: str, value: object) -> None:
        """What somebody is called or reached at."""
        written = str(value)
        if len(written) >= SHORTEST_ID and len(set(written)) > 3:
            self._add(kind, written, _spellings(written))

    def secret(self, kind: str, value: bytes | str) -> None:
        """A secret: raw, hex, base64."""
        raw = value if isinstance(value, bytes) else value.encode()
        if len(raw) < SHORTEST_ID or len(set(raw)) <= 3:
            return  # thirty-two zeros, as some tests take for a key, stand in every file
        written = {
            raw,
            raw.hex().encode(),
            base64.b64encode(raw).rstrip(b"="),
            base64.urlsafe_b64encode(raw).rstrip(b"="),
        }
        if isinstance(value, str):
            written |= {part for part in (_the_secret_half(value),) if part}
        self._add(kind, f"{raw[:3]!r}…", written)

    def _add(self, kind: str, shown: str, written: Iterable[bytes]) -> None:
        if len(self._values) < MOST:
            for one in written:
                self._values.setdefault(one, (kind, shown))

    def __len__(self) -> int:
        return len(self._values)

    def of_kind(self, kind: str) -> int:
        """How many values of this kind are watched."""
        return sum(one == kind for one, _ in self._values.values())

    def look(self, content: bytes | str, place: str) -> list[Found]:
        """Every canary in this content; words that stand in the program's own files are no canaries."""
        read = content if isinstance(content, bytes) else content.encode("utf-8", "surrogatepass")
        if not read:
            return []
        hits = {self._values[value]: value for value in self._inside(read) if not is_public(value)}
        return [Found(kind, shown, place) for kind, shown in hits]

    def _inside(self, read: bytes) -> Iterator[bytes]:
        """The values that stand in there. Thousands of values in megabytes, as after a fault run, are looked for by their
        beginnings, of which there are few: people who write at random write alike.
        """
        if len(self._values) * len(read) < AT_ONCE:
            yield from (value for value in self._values if value in read)
            return
        lengths: dict[bytes, set[int]] = {}
        for value in self._values:
            lengths.setdefault(value[:BEGINNING], set()).add(len(value))
        begins = re.compile(b"(?=(" + b"|".join(re.escape(one) for one in sorted(lengths)) + b"))", re.DOTALL)
        for match in begins.finditer(read):
            at = match.start()
            for length in lengths[match[1]]:
                if (found := read[at : at + length]) in self._values:
                    yield found


def _the_secret_half(value: str) -> bytes:
    """Of a bot token the part behind the colon alone is the secret."""
    _, colon, rest = value.partition(":")
    return rest.encode() if colon and len(rest) >= 20 else b""


def _spellings(value: str) -> set[bytes]:
    """As it is; as JSON, `repr`, `ascii`, a page and an address would write it."""
    written = {value, repr(value)[1:-1], ascii(value)[1:-1], json.dumps(value)[1:-1]}
    written |= {json.dumps(value, ensure_ascii=False)[1:-1], html.escape(value), quote(value), quote_plus(value)}
    written.add(repr(value.encode("utf-8", "surrogatepass"))[2:-1])  # bytes, as Python and Redis print them
    return {one.encode("utf-8", "surrogatepass") for one in written}


@cache
def is_public(value: bytes) -> bool:
    """Does it stand in what we ship? A button's label that a test types is ours, not hers."""
    return value.decode("utf-8", "replace") in _shipped()


@cache
def _shipped() -> str:
    kinds = (".yaml", ".po", ".csv", ".py", ".html", ".txt", ".js", ".css")
    folders = [ROOT / name for name in ("flows", "handlers", "bot", "storage")]
    files = (path for folder in folders for path in folder.rglob("*") if path.suffix in kinds)
    return "\n".join(path.read_text("utf-8", "replace") for path in files)


cage = Cage()
"""Of the test that runs now."""
