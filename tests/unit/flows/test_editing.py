"""The schemas for editors: whole, described in every key, and in agreement with the loader about what may be written."""

from __future__ import annotations

import json
import re
from pathlib import Path, PurePosixPath
from typing import Any

from bot.shipped import content_files
from flows import schema
from flows.editing import FILES, schemas, undescribed

MADE = schemas()


def step() -> dict[str, Any]:
    return dict(MADE["flow.schema.json"]["$defs"]["Step"]["properties"])


def test_every_key_is_described() -> None:
    """Whoever adds a key writes a line in DESCRIPTIONS of flows/editing.py (or at the field)."""
    assert undescribed() == []


def test_every_kind_of_file_has_a_schema_that_refuses_unknown_keys() -> None:
    assert set(MADE) == set(FILES)
    for name, made in MADE.items():
        assert made["$schema"].startswith("https://json-schema.org/")
        json.dumps(made)
        if name != "lines.schema.json":
            assert made["additionalProperties"] is False


def test_every_key_that_may_be_written_is_in_the_schema() -> None:
    written = {field.alias or name for name, field in schema.Step.model_fields.items()}
    assert set(step()) == written
    assert {"with", "set", "return"} <= written


def test_every_reference_leads_somewhere() -> None:
    for made in MADE.values():
        for reference in re.findall(r'"#/\$defs/([^"]+)"', json.dumps(made)):
            assert reference in made["$defs"]


def test_what_may_be_written_short_is_allowed() -> None:
    def branches(tree: dict[str, Any]) -> list[dict[str, Any]]:
        return [branch for inner in tree.get("anyOf", []) for branch in [inner, *branches(inner)]]

    assert {"string", "array"} <= {branch.get("type") for branch in branches(step()["say"])}
    assert any("place" in branch.get("enum", []) for branch in branches(step()["ask"]))
    assert "yes" in json.dumps(step()["return"])
    after = MADE["flow.schema.json"]["$defs"]["Silence"]["properties"]["after"]
    for text, right in (("10m", True), ("2h", True), ("0m", False), ("10", False)):
        assert bool(re.search(after["pattern"], text)) is right
    assert "yes" in MADE["lines.schema.json"]["$defs"]["Line"]["properties"]["emergency"]["enum"]


def test_the_guide_switches_on_every_schema_and_no_other() -> None:
    guide = (Path(__file__).parents[3] / "docs" / "publishing.md").read_text(encoding="utf-8")
    (block,) = re.findall(r"```json\n(.*?)```", guide, re.DOTALL)
    settings = json.loads(block)["yaml.schemas"]
    assert {name.rpartition("/")[2] for name in settings} == set(FILES)
    shipped = [name for name in content_files() if name.endswith(".yaml") and not name.startswith("lexicon/")]
    matched = {name for name in shipped for pattern in settings.values() if PurePosixPath(name).match(pattern)}
    assert matched == set(shipped)
