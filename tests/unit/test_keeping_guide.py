"""docs/keeping.md says what the program does: every table, every kind, its days and bounds."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import storage.schema  # noqa: F401 - every table belongs to the metadata
from handlers.erasing import EraseReason
from handlers.policies import POLICIES, Policy
from storage.tables import metadata

GUIDE = (Path(__file__).resolve().parents[2] / "docs" / "keeping.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("table", sorted(metadata.tables))
def test_every_table_is_named(table: str) -> None:
    assert f"`{table}`" in GUIDE


@pytest.mark.parametrize("policy", POLICIES, ids=lambda policy: policy.kind)
def test_every_kind_with_its_days_and_bounds(policy: Policy) -> None:
    (row,) = [line for line in GUIDE.splitlines() if line.startswith(f"| `{policy.kind}` |")]
    after, bounds = row.split("|")[3:5]
    assert re.search(rf"\b{policy.days} days?\b", after)
    assert re.search(rf"\b{policy.least} to {policy.most}\b", bounds)


def test_every_reason() -> None:
    assert all(f"`{reason.value}`" in GUIDE for reason in EraseReason)
