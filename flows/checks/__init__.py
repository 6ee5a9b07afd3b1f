"""What `flows check` proves about a loaded set, by theme; every finding is collected, none hides another.

The table of all codes is `docs/flow-checks.md`. Mistakes that make a set impossible to run (unknown steps, missing
else, bad placeholders) are found earlier, by the loader.
"""

from __future__ import annotations

from collections.abc import Mapping

from flows.checks import asking, channel, language, safety, structure, translation, variables
from flows.findings import Finding
from flows.graph import build
from flows.library import Library
from flows.rehearsal import check as check_transcripts
from flows.transcripts import Host


def check(library: Library, files: Mapping[str, bytes], host: Host | None = None) -> list[Finding]:
    """All findings about a loaded set, sorted by file and line; empty when it is clean.

    With a host the transcripts among `files` run too, and steps that none passes are findings.
    """
    graph = build(library)
    themes = (
        structure.check,
        variables.check,
        safety.check,
        asking.check,
        language.check,
        channel.check,
        translation.check,
    )
    found = {finding for theme in themes for finding in theme(library, graph)}
    if host is not None:
        found.update(check_transcripts(library, files, host, translation.unfinished(library)))
    return sorted(found)
