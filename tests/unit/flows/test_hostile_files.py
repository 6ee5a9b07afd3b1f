"""Requirement 59: every hostile file of the corpus is refused, at its own line, and at once."""

from __future__ import annotations

import time

import pytest

from flows.loader import load
from flows.transcripts import scripts
from tests.unit.flows.hostile_files import Attack, base, corpus

CORPUS = list(corpus())
SLOWEST_S = 2.5  # of CPU; the slowest takes a tenth of it on a quiet machine


def test_the_corpus_is_large_enough_and_its_base_is_clean() -> None:
    assert len(CORPUS) >= 200
    assert load(base()).findings == ()
    assert scripts(base())[1] == []


@pytest.mark.parametrize("attack", CORPUS, ids=[attack[0] for attack in CORPUS])
def test_a_hostile_file_is_refused_with_its_line(attack: Attack) -> None:
    _, file, content = attack
    files = base() | {file: content}
    began = time.process_time()
    found = [*load(files).findings, *scripts(files)[1]]
    assert time.process_time() - began < SLOWEST_S
    own = [finding for finding in found if finding.file == file]
    assert own, "nothing was found in it"
    most = content.count(b"\n") + 1
    assert all(1 <= finding.line <= most and finding.column >= 1 for finding in own)
    if not file.startswith("transcripts/"):
        assert load(files).library is None
