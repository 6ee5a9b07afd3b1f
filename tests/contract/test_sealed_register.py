"""Every column of bytes is accounted for: sealed under a declared contract that holds, or with nothing of a person in it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Column, LargeBinary, MetaData, Table, Text

import storage.registers  # noqa: F401 - its tables belong to the same metadata
from flows.effects import Button
from handlers.factors import Factor, FactorKind
from handlers.model import (
    Address,
    Media,
    MediaKind,
    MessageKind,
    Outgoing,
    Reminder,
    StoredMessage,
    Summary,
    new_uid,
)
from handlers.ports import UnitOfWork
from handlers.referral import Item, Referral, ReferralStatus, Tell
from storage.open import Storage
from storage.sealed import FIELDS, NOT_SEALED, Sealed, open_everything
from storage.tables import metadata
from tests.contract.builders import START, act, case_of, inbox_row, line, outbox_row, staff

DECLARED = {(field.table, field.column) for field in FIELDS}


def undeclared(tables: dict[str, Table]) -> set[tuple[str, str]]:
    """Columns that hold bytes, or call themselves sealed, and stand in neither list."""
    found = {
        (table.name, column.name)
        for table in tables.values()
        for column in table.columns
        if isinstance(column.type, LargeBinary) or column.name.endswith("_sealed")
    }
    return found - DECLARED - set(NOT_SEALED)


def test_every_column_of_bytes_is_declared() -> None:
    assert undeclared(dict(metadata.tables)) == set(), (
        "name it in storage/sealed.py: what it is bound to, or why it is plain"
    )


@pytest.mark.parametrize(
    "new", [("seed_sealed", LargeBinary), ("seed", LargeBinary), ("words_sealed", Text)], ids=lambda new: new[0]
)
def test_a_new_column_that_nobody_declared_is_found(new: tuple[str, Any]) -> None:
    copy = MetaData()
    for table in metadata.sorted_tables:
        table.to_metadata(copy)
    copy.tables["staff"].append_column(Column(*new))
    assert undeclared(dict(copy.tables)) == {("staff", new[0])}


def test_what_is_declared_exists_and_no_field_is_called_like_another() -> None:
    for field in FIELDS:
        columns = metadata.tables[field.table].columns
        assert isinstance(columns[field.column].type, LargeBinary)
        assert {field.row, field.owner} <= set(columns.keys())  # bound to row and owner
    for table, column in NOT_SEALED:
        assert not column.endswith("_sealed")
        assert column in metadata.tables[table].columns
    assert len({(field.table, field.field) for field in FIELDS}) == len(FIELDS)


def write_everything(uow: UnitOfWork) -> None:
    """One row in every sealed column there is."""
    (contact,) = uow.contacts.open([Address("telegram", "p1")])
    uow.contacts.save(
        replace(contact, session={"a": "b"}, reminder=Reminder(text="x", purpose="p", case_uid=new_uid()), pending=1)
    )
    uow.inbox.accept([(inbox_row(contact, message=StoredMessage(kind=MessageKind.TEXT, text="tin")), "telegram", "m1")])
    case = case_of(contact, "K1", summary=Summary(commune="03390"))
    uow.cases.add(case)
    uow.lines.add(line(case, 1, "dòng", buttons=(Button("a", "b"),)))
    uow.outbox.add(outbox_row(contact, outgoing=Outgoing(text="đi"), case_uid=case.uid))
    uow.referrals.add(
        Referral(
            uid=new_uid(), case_uid=case.uid, status=ReferralStatus.WANTED, need="shelter", kind="shelter",
            service_id="s", items=(Item.NAME,), consent_step="a.b", consent_text="h", consented_at=START, tell=Tell.EVERY,
            made_by="x", created_at=START, changed_at=START, details={Item.NAME: "tên"},
        )
    )  # fmt: skip
    uow.media.add(
        Media(
            uid=new_uid(),
            case_uid=case.uid,
            seq=1,
            kind=MediaKind.IMAGE,
            channel="telegram",
            source="f",
            created_at=START,
        )
    )
    kept = Media(uid=new_uid(), case_uid=case.uid, seq=1, kind=MediaKind.IMAGE, channel="telegram", created_at=START)
    uow.media.add(kept)
    uow.media.keep(kept, b"bytes")
    lan = staff()
    uow.staff.save(lan)
    uow.accounts.offer("code", lan.uid, START + timedelta(hours=1))
    assert uow.accounts.bind("code", Address("zalo", "z1")) == lan.uid
    uow.factors.add(Factor(uid=new_uid(), staff_uid=lan.uid, kind=FactorKind.TOTP, secret=b"seed", created_at=START))
    uow.vault.put("zalo.token", "t")


async def test_the_program_seals_every_field_as_it_is_declared(storage: Storage) -> None:
    await act(storage.door, write_everything)
    found = await act(storage.door, lambda uow: open_everything(uow._runner, storage.keys))  # type: ignore[attr-defined]
    assert {table: (one.fields, one.opened) for table, one in found.items()} == {
        table: (len([field for field in FIELDS if field.table == table]),) * 2
        for table in {one.table for one in FIELDS}
    }


@pytest.mark.parametrize("field", FIELDS, ids=lambda field: f"{field.table}.{field.field}")
async def test_a_field_declared_wrongly_would_not_open(
    storage: Storage, field: Sealed, monkeypatch: pytest.MonkeyPatch
) -> None:
    await act(storage.door, write_everything)
    column = field.column
    monkeypatch.setattr(Sealed, "column", property(lambda self: column))
    monkeypatch.setattr("storage.sealed.FIELDS", (replace(field, field="other"),))
    found = await act(storage.door, lambda uow: open_everything(uow._runner, storage.keys))  # type: ignore[attr-defined]
    assert [(one.fields > 0, one.opened) for one in found.values()] == [(True, 0)]


async def test_every_sealed_field_grows_in_steps_only(storage: Storage) -> None:
    """Nobody who counts bytes on the disk learns how much she wrote."""

    def sizes(text: str, number: int) -> Any:
        def work(uow: UnitOfWork) -> set[int]:
            (contact,) = uow.contacts.open([Address("telegram", f"q{number}")])
            case = case_of(contact, f"Q{number}")
            uow.cases.add(case)
            uow.lines.add(line(case, 1, text))
            uow.flush()  # type: ignore[attr-defined]
            rows = uow._runner._connection.execute("SELECT body_sealed FROM lines")  # type: ignore[attr-defined]
            return {len(row[0]) for row in rows.fetchall()}

        return act(storage.door, work)

    short = [await sizes("x" * size, size) for size in (1, 20, 90)]
    assert short[0] == short[1] == short[2]
    assert len(short[0]) == 1
    longer = await sizes("x" * 400, 400) - short[0]
    assert all((size - min(short[0])) % 256 == 0 for size in longer)
    assert longer
