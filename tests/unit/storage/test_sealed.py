"""What lies on the disk: no text, no address, nothing that opens in another place."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from handlers.factors import Factor, FactorKind
from handlers.model import Address, AuditEntry, Direction, MessageKind, Outgoing, StoredMessage, Summary, new_uid
from handlers.ports import UnitOfWork
from storage.open import Storage, open_storage
from storage.prepared import Runner
from storage.removals import check_keys
from tests.contract.builders import START, Clock, act, case_of, escalation, inbox_row, line, outbox_row, staff

CANARY = "chim-hoàng-yến-7319"
PLATFORM_ID = "84900071931"


async def live(storage: Storage, message_id: str = "m1") -> tuple[str, str]:
    """Put the canary wherever people's text and addresses go; returns contact and case."""

    def work(uow: UnitOfWork) -> tuple[str, str]:
        (contact,) = uow.contacts.open([Address("telegram", PLATFORM_ID)])
        uow.contacts.save(replace(contact, session={"name": CANARY, "step": "a.b"}))
        row = inbox_row(contact, message=StoredMessage(kind=MessageKind.TEXT, text=CANARY, choice=CANARY))
        uow.inbox.accept([(row, "telegram", message_id)])
        case = case_of(contact, f"K-{message_id}", summary=Summary(signs=(("s", CANARY),), answers={CANARY: CANARY}))
        uow.cases.add(case)
        uow.escalations.add(escalation(case))
        uow.lines.add(line(case, 1, CANARY, direction=Direction.IN, author="seeker"))
        uow.outbox.add(outbox_row(contact, outgoing=Outgoing(text=CANARY), case_uid=case.uid))
        uow.codes.save(CANARY, contact.uid)
        uow.audit.add(AuditEntry(actor="system", action="case.opened", object=case.code))
        return contact.uid, case.uid

    return await act(storage.door, work)


def bytes_under(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


async def test_no_text_and_no_address_is_on_the_disk(tmp_path: Path) -> None:
    storage = open_storage(tmp_path / "data.db")
    _, case_uid = await live(storage)
    seen = {"running": bytes_under(tmp_path)}
    await storage.close()
    seen["closed"] = bytes_under(tmp_path)
    assert {"data.db", "keys.db", "data.db-wal"} <= set(seen["running"])
    for files in seen.values():
        whole = b"".join(files.values())
        assert case_uid.encode() in whole  # the files were really looked at
        for secret in (CANARY, PLATFORM_ID, "hoàng", "84900071"):
            assert secret.encode() not in whole
            assert secret.encode("utf-16-le") not in whole


async def test_after_erasing_nothing_opens_even_from_a_copy(tmp_path: Path) -> None:
    storage = open_storage(tmp_path / "data.db")
    contact_uid, case_uid = await live(storage)

    def copy(uow: UnitOfWork) -> list[tuple[str, str, str, str, bytes]]:
        run = uow._runner._connection.execute  # type: ignore[attr-defined]
        (address,) = run("SELECT address_sealed FROM contacts").fetchone()
        ((row, body),) = run("SELECT uid, body_sealed FROM lines").fetchall()
        return [("contacts", "address", contact_uid, contact_uid, address), ("lines", "body", row, case_uid, body)]

    copies = await act(storage.door, copy)

    def opens(uow: UnitOfWork) -> list[bool]:
        return [uow.keys.try_unseal(*one) is not None for one in copies]  # type: ignore[attr-defined]

    assert await act(storage.door, opens) == [True, True]
    await act(storage.door, lambda uow: (uow.cases.destroy(case_uid), uow.contacts.forget(contact_uid)))
    assert await act(storage.door, opens) == [False, False]
    await storage.close()
    assert copies[1][4] not in bytes_under(tmp_path)["data.db"]


SWAPS = [
    ("lines", "body_sealed"),
    ("cases", "summary_sealed"),
    ("contacts", "session_sealed"),
    ("contacts", "address_sealed"),
    ("outbox", "outgoing_sealed"),
    ("inbox", "message_sealed"),
]


@pytest.mark.parametrize(("table", "column"), SWAPS)
async def test_swapped_ciphertexts_show_nobody_anothers_text(tmp_path: Path, table: str, column: str) -> None:
    storage = open_storage(tmp_path / "data.db")

    def two(uow: UnitOfWork) -> None:
        for number, text in enumerate(("ONE", "TWO")):
            (contact,) = uow.contacts.open([Address("telegram", text)])
            uow.contacts.save(replace(contact, session={"t": text}, pending=1))
            message = StoredMessage(kind=MessageKind.TEXT, text=text)
            uow.inbox.accept([(inbox_row(contact, message=message), "telegram", str(number))])
            case = case_of(contact, text, summary=Summary(commune=text))
            uow.cases.add(case)
            uow.lines.add(line(case, 1, text))
            uow.outbox.add(outbox_row(contact, outgoing=Outgoing(text=text)))

    def swap(uow: UnitOfWork) -> None:
        run = uow._runner._connection.execute  # type: ignore[attr-defined]
        (one, a), (two, b) = run(f"SELECT uid, {column} FROM {table} ORDER BY id").fetchall()
        run(f"UPDATE {table} SET {column} = ? WHERE uid = ?", (b, one))
        run(f"UPDATE {table} SET {column} = ? WHERE uid = ?", (a, two))

    def seen(uow: UnitOfWork) -> list[tuple[str, set[str]]]:
        jobs = {job.row.contact_uid: job for job in uow.outbox.claim(9, timedelta(seconds=9), frozenset())}
        rows = uow.inbox.oldest(uow.contacts.ready(9))
        found = []
        for text in ("ONE", "TWO"):
            case = uow.cases.by_code(text)
            assert case is not None
            contact, job = uow.contacts.get(case.contact_uid), jobs.get(case.contact_uid)
            texts = {case.summary.commune, rows[contact.uid].message.text, str((contact.session or {}).get("t", ""))}
            texts |= {one.text for one in uow.lines.of_case(case.uid)}
            if job is not None and job.address is not None and job.row.outgoing is not None:
                texts |= {job.address.platform_id, job.row.outgoing.text}
            found.append((text, texts - {""}))
        return found

    await act(storage.door, two)
    await act(storage.door, swap)
    for text, texts in await act(storage.door, seen):
        assert texts == {text}  # her own, from the columns that were left alone, and nobody else's
    await storage.close()


async def test_every_sealed_row_has_its_key_and_a_missing_one_is_found(tmp_path: Path) -> None:
    storage = open_storage(tmp_path / "data.db")
    contact_uid, case_uid = await live(storage)
    found = check_keys(Runner(storage.door._connection), storage.keys)
    assert (found.missing, found.orphaned, found.destroyed) == (frozenset(), frozenset(), frozenset())
    storage.keys._db.execute("DELETE FROM data_keys WHERE uid = ?", (case_uid,))
    assert check_keys(Runner(storage.door._connection), storage.keys).missing == {case_uid}
    storage.keys.destroy([contact_uid])
    assert check_keys(Runner(storage.door._connection), storage.keys).destroyed == {contact_uid}
    await storage.close()


async def test_an_unchanged_session_keeps_its_ciphertext(tmp_path: Path) -> None:
    storage = open_storage(tmp_path / "data.db")
    contact_uid, _ = await live(storage)

    def sealed(uow: UnitOfWork) -> bytes:
        found: bytes = (
            Runner(storage.door._connection)._connection.execute("SELECT session_sealed FROM contacts").fetchone()[0]
        )
        return found

    before = await act(storage.door, sealed)
    await act(storage.door, lambda uow: uow.contacts.save(replace(uow.contacts.get(contact_uid), pending=5)))
    assert await act(storage.door, sealed) == before
    await act(storage.door, lambda uow: uow.contacts.save(replace(uow.contacts.get(contact_uid), session={"a": 1})))
    assert await act(storage.door, sealed) != before
    await storage.close()


async def test_a_lone_surrogate_costs_one_character_not_the_message(tmp_path: Path) -> None:
    storage = open_storage(tmp_path / "data.db")

    def work(uow: UnitOfWork) -> str:
        (contact,) = uow.contacts.open([Address("web", "x\ud800")])
        uow.inbox.accept([(inbox_row(contact, "cứu\ud800 tôi\x00"), "web", new_uid())])
        return uow.inbox.oldest([contact.uid])[contact.uid].message.text

    assert await act(storage.door, work) == "cứu? tôi\x00"
    await storage.close()


async def test_staff_without_their_keys_are_found_and_a_factor_taken_away_leaves_no_orphan(tmp_path: Path) -> None:
    storage = open_storage(tmp_path / "data.db", clock=Clock())
    lan = staff("lan")
    kept, gone = (
        Factor(uid=new_uid(), staff_uid=lan.uid, kind=FactorKind.TOTP, secret=b"seed", created_at=START)
        for _ in range(2)
    )
    await act(storage.door, lambda uow: (uow.staff.save(lan), uow.factors.add(kept), uow.factors.add(gone)))
    await act(storage.door, lambda uow: uow.factors.remove(gone.uid))
    await act(storage.door, lambda uow: uow.accounts.offer("code", lan.uid, START + timedelta(hours=1)))
    assert await act(storage.door, lambda uow: uow.accounts.bind("code", Address("zalo", "z1"))) == lan.uid
    found = check_keys(Runner(storage.door._connection), storage.keys)
    assert (found.missing, found.orphaned, found.destroyed) == (frozenset(), frozenset(), frozenset())
    storage.keys._db.execute("DELETE FROM data_keys WHERE uid IN (?, ?)", (kept.uid, lan.uid))
    found = check_keys(Runner(storage.door._connection), storage.keys)
    assert found.missing == found.staff == {kept.uid, lan.uid}
    await storage.close()
