"""Files that hold signed heads of the audit log, one a line: what is kept where nobody who may write the log can write."""

from __future__ import annotations

import os
from pathlib import Path

from handlers.audit_heads import SignedHead
from handlers.errors import BinhAnError


class NoHead(BinhAnError):
    """This file holds something else than signed heads of an audit log; give one that `audit head --to FILE` has written."""

    code = "no-head"


def append_head(path: Path, head: SignedHead) -> None:
    """Add one line, durably; a line that is the last one already is not written twice."""
    line = head.as_line()
    known = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    if known and known[-1] == line:
        return
    with path.open("a", encoding="utf-8") as file:
        file.write(line + "\n")
        file.flush()
        os.fsync(file.fileno())


def read_heads(path: Path) -> list[SignedHead]:
    """Every signed head of a file; NoHead, naming the line, when one is none or there is none."""
    heads = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        if line.strip():
            try:
                heads.append(SignedHead.from_line(line))
            except ValueError:
                raise NoHead(f"{path}:{number}") from None
    if not heads:
        raise NoHead(f"{path}: empty")
    return heads
