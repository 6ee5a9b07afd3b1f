"""docs/stored.md is the register: every column of every table as the migrations make it and no other, each with its end."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest

from handlers.policies import POLICIES
from storage import cases as cases_module
from storage import keystore, schema
from storage.engine import connect
from storage.postgres import keystore as postgres_keystore
from storage.sealed import FIELDS, NOT_SEALED
from storage.tables import metadata

DOCS = Path(__file__).resolve().parents[2] / "docs"
REGISTER = (DOCS / "stored.md").read_text(encoding="utf-8")
KEEPING = (DOCS / "keeping.md").read_text(encoding="utf-8")
KINDS = {policy.kind for policy in POLICIES}
WITHOUT = {"at once", "no end"}

Named = tuple[str, str]


@dataclass(frozen=True)
class Entry:
    """What the register says of one column."""

    purpose: str
    what: str
    goes: str


def rows(text: str) -> Iterator[tuple[Named, Entry]]:
    """Every (table, column) of the register with its entry, in order, as often as it is named."""
    for section in text.split("\n### ")[1:]:
        table, _, body = section.partition("\n")
        for line in body.partition("\n## ")[0].splitlines():
            if not line.startswith("| `"):
                continue
            columns, purpose, what, goes = (cell.strip() for cell in line.strip("|").split("|"))
            for column in columns.split(", "):
                assert re.fullmatch(r"`\w+`", column), f"{table}: {column}"
                yield (table, column.strip("`")), Entry(purpose, what, goes)


ROWS = list(rows(REGISTER))
ENTRIES = dict(ROWS)
CLASSES = set(re.findall(r"^\| `([\w-]+)` \|", REGISTER.partition("\n## ")[0], re.MULTILINE))


def columns_of(path: Path) -> set[Named]:
    """Every column of every table in an SQLite file."""
    with closing(connect(path)) as connection:
        tables = [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        ours = [table for table in tables if not table.startswith("sqlite_")]
        return {(table, row[1]) for table in ours for row in connection.execute(f"PRAGMA table_info({table})")}


def keys_on_postgres() -> set[Named]:
    """The columns of the statements that make the key store there."""
    found = set()
    for statement in postgres_keystore._SCHEMA:
        made = re.match(r"CREATE TABLE IF NOT EXISTS (\w+) \((.*)\)$", statement)
        if made:
            found |= {(made[1], column.split()[0]) for column in made[2].split(", ")}
    return found


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> set[Named]:
    """Every column there is: the migrated database, and the key store in both its places."""
    folder = tmp_path_factory.mktemp("register")
    schema.upgrade(folder / "data.db")
    keystore.new_file(folder / "keys.db", [], [], [])
    return columns_of(folder / "data.db") | columns_of(folder / "keys.db") | keys_on_postgres()


def test_every_stored_column_is_in_the_register_and_nothing_else(stored: set[Named]) -> None:
    assert stored - set(ENTRIES) == set(), "stored, and not in docs/stored.md: say what for, which class, when it goes"
    assert set(ENTRIES) - stored == set(), "in docs/stored.md, and not stored"
    assert len(ROWS) == len(ENTRIES), "named twice"


def test_the_migrated_database_is_the_one_the_program_writes_to(stored: set[Named]) -> None:
    """On both databases the migrations equal the models (tests/migrations), so the register holds for PostgreSQL too."""
    assert {(table.name, column.name) for table in metadata.tables.values() for column in table.columns} <= stored


@pytest.mark.parametrize("change", ["a column more", "a column less", "a table more"])
def test_a_difference_is_found(stored: set[Named], change: str) -> None:
    changed = {
        "a column more": REGISTER.replace("| `proof` |", "| `proof`, `shoe_size` |"),
        "a column less": REGISTER.replace("| `roles`, `enabled`, `woman` |", "| `roles`, `enabled` |"),
        "a table more": REGISTER + "\n### diary\n\n| `page` | what she writes | words | no end |\n",
    }[change]
    assert changed != REGISTER
    assert {named for named, _ in rows(changed)} != stored


def test_every_entry_says_what_for_which_class_and_when_it_goes() -> None:
    assert len(CLASSES) == 9
    for named, entry in ENTRIES.items():
        assert len(entry.purpose) > 3, named
        assert entry.what in CLASSES, named
        assert entry.goes in KINDS | WITHOUT, named


def test_what_is_sealed_is_called_words_and_nothing_else_is() -> None:
    assert {named for named, entry in ENTRIES.items() if entry.what == "words"} == {
        (field.table, field.column) for field in FIELDS
    }
    assert set(NOT_SEALED) <= set(ENTRIES)


def test_of_those_who_write_nothing_is_without_an_end() -> None:
    """Words and circumstances of theirs; sealed things of staff and platforms are not theirs."""
    staffs = {"accounts", "factors", "vault"}
    endless = {
        table for (table, _), entry in ENTRIES.items() if entry.what in ("words", "stay") and entry.goes == "no end"
    }
    assert endless <= staffs


def test_the_register_and_the_kinds_of_keeping_name_the_same_tables() -> None:
    for kind in KINDS:
        (row,) = [line for line in KEEPING.splitlines() if line.startswith(f"| `{kind}` |")]
        told = set(re.findall(r"`(\w+)`", row.split("|")[5]))
        assert told <= {table for (table, _), entry in ENTRIES.items() if entry.goes == kind} | {
            "audit_head",  # one row, rewritten for ever
            "audit_cuts",
        }, kind
    endless = set(re.findall(r"`(\w+)`", KEEPING.partition("without an end: ")[2].partition("\n\n")[0]))
    assert endless <= {table for (table, _), entry in ENTRIES.items() if entry.goes == "no end"}


def test_what_goes_of_a_case_with_its_talk_is_what_destroying_it_empties() -> None:
    emptied = set(re.findall(r"(\w+)=", str(cases_module._CLEAR).partition(" SET ")[2].partition(" WHERE")[0]))
    coarse = {"opened_at", "closed_at", "erased_at"}  # the month, the month, the day
    assert coarse <= emptied
    assert {column for (table, column), entry in ENTRIES.items() if table == "cases" and entry.goes == "talks"} == (
        emptied - coarse
    )
