"""What the program brings along: the content that the first start publishes, and the table of places."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from flows.loader import read_dir, version_of

_ROOT = Path(__file__).resolve().parent.parent

CONTENT = _ROOT / "flows" / "content"
PLACES = _ROOT / "handlers" / "rules" / "data"


def content_files(folder: Path | None = None) -> dict[str, bytes]:
    """The files of a content folder (the shipped one without `folder`), by their path in it."""
    return read_dir(folder or CONTENT)


@cache
def version(folder: Path | None = None) -> str:
    """The version that publishing these files would give; "" when the folder cannot be read. Read once in a process's life."""
    try:
        return version_of(content_files(folder))
    except OSError:
        return ""


def place_files(folder: Path | None = None) -> dict[str, bytes]:
    """The tables of administrative units in a folder (the shipped ones without `folder`), by file name."""
    return {path.name: path.read_bytes() for path in sorted((folder or PLACES).glob("*.csv")) if path.is_file()}
