"""Several lookup peppers: who could be found before, by address or by code, is found afterwards, all under the first one."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from handlers.errors import KeyMissing
from handlers.model import Address
from storage import schema
from storage.crypto import code_hash, lookup_of
from storage.engine import connect
from storage.open import open_storage
from storage.pepper_change import change
from storage.rehashing import Under, under
from storage.secrets import PEPPER, load_secrets
from tests.contract.builders import START, act
from tests.migrations.stopping_at import migrate
from tests.migrations.test_0001 import AT, A, C, fill

HER = Address("telegram", "of-old")
CODE = "012345678901"
MOVED = "lookup_pepper_2"


async def test_everybody_is_found_as_before_and_can_go_over(tmp_path: Path) -> None:
    pepper = load_secrets(tmp_path).peppers.get(PEPPER)
    migrate(tmp_path / "data.db", "0009")
    with closing(connect(tmp_path / "data.db")) as connection:
        fill(connection)
        connection.execute("UPDATE contacts SET lookup = ?, channel = ?", (lookup_of(pepper, HER), HER.channel))
        connection.execute("DELETE FROM return_codes")
        connection.execute("INSERT INTO return_codes VALUES (?, ?, ?)", (code_hash(pepper, CODE), A, AT))
        connection.execute(
            "INSERT INTO accounts (uid, staff_uid, channel, lookup, address_sealed, bound_at) VALUES (?, ?, 'tg', 'h', x'00', ?)",
            (A, C, AT),
        )
        connection.execute("INSERT INTO bind_codes VALUES (x'01', ?, ?)", (C, AT))
        connection.execute("INSERT INTO spare_codes VALUES (x'02', ?, ?, ?, NULL)", (C, C, AT))
    assert schema.upgrade(tmp_path / "data.db") == schema.missing("0009")
    storage = open_storage("", tmp_path)

    def look(uow: Any) -> Any:
        contact = uow.contacts.find(HER)
        return contact.uid, uow.codes.redeem(CODE), under(uow, START)

    uid, led_to, used = await act(storage.door, look)
    assert (uid, led_to) == (A, A)
    assert used == {PEPPER: Under(contacts=1, accounts=1, return_codes=1, spare_codes=1)}
    done = await change(tmp_path / "secrets", storage.door, storage.keys)
    assert (done.pepper, done.contacts, done.left) == (MOVED, 0, 2)  # the rows of the old shape open nowhere
    await storage.close()
    (tmp_path / "secrets" / PEPPER).unlink()
    with pytest.raises(KeyMissing, match=PEPPER):
        open_storage("", tmp_path)
