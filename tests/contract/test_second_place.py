"""The second place of the keys: complete, provable by itself, never older than it says, and never more than a week of copies."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from handlers.audit_heads import AuditMark, HeldKey, Said, sign_head
from handlers.model import new_uid
from storage import second_place
from storage.audit_keys import (
    HANDOVERS,
    AuditKeyFiles,
    note_handovers,
    prepare_audit_key,
    read_handovers,
    retire_audit_keys,
)
from storage.data_keys import Keys
from storage.installation import Installation
from storage.key_care import NO_SECOND, RISKS, check, in_words, risks, show, warnings
from storage.keystore import KeyStore
from storage.postgres.connection import parameters
from storage.postgres.keystore import PostgresKeyStore
from storage.rotation import KEPT, retire, rotate
from storage.second_place import (
    Copied,
    OtherSecrets,
    SecondPlaceGone,
    WishesUnreadable,
    copies,
    lacking_secrets,
    made_at,
    newest,
    note_wishes,
    read_wishes,
    retire_there,
    verify,
)
from storage.secrets import NAMES, load_secrets, write_secret
from tests.contract.builders import START, Clock
from tests.servers.postgres import drop_database, make_database


@pytest.fixture(params=["file", "postgres"])
def here(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Installation]:
    made = Installation(tmp_path / "var", second=tmp_path / "second")
    if request.param == "postgres":
        server = request.getfixturevalue("postgres_server")
        url = make_database(server.url, "binhan_second")
        made = Installation(made.var, database=f"{server.url}/none", keys_url=url, second=made.second)
    load_secrets(made.var)
    yield made
    if request.param == "postgres":
        drop_database(server.url, "binhan_second")


@pytest.fixture
def keys(here: Installation) -> Iterator[Keys]:
    opened = here.open_keys(load_secrets(here.var, needed=True), Clock())
    yield opened
    opened.close()


def copy_keys(secrets: Path, keys: Keys, second: Path, now: datetime) -> Copied:
    return second_place.copy_keys(secrets, keys, second, now, begin=True)


def add(keys: Keys, count: int = 3) -> list[str]:
    uids = [new_uid() for _ in range(count)]
    keys.add({uid: ("case", os.urandom(32)) for uid in uids})
    return uids


def second_of(here: Installation) -> Path:
    assert here.second is not None
    return here.second


def test_a_copy_gives_everything_back_by_itself(here: Installation, keys: Keys) -> None:
    second = second_of(here)
    uids = add(keys)
    keys.destroy(uids[:1])
    done = copy_keys(here.secrets, keys, second, START)
    assert (sorted(done.secrets), done.fresh, done.keys) == (sorted(NAMES), True, 2)
    assert verify(here.secrets, keys, second, START) == []
    assert not [path for path in second.rglob("*") if stat.S_IMODE(path.stat().st_mode) & 0o077 and path != second]
    copy = newest(second)
    assert copy is not None
    store = KeyStore(copy, load_secrets(second, needed=True), Clock())
    assert (store.owners(), store.destroyed()) == (set(uids[1:]), {uids[0]})
    assert store.opens()
    store.close()


def test_an_unchanged_store_is_not_copied_again_and_a_changed_one_is(here: Installation, keys: Keys) -> None:
    second, clock = second_of(here), Clock()
    uids = add(keys)
    changes: list[Callable[[], object]] = [
        lambda: None,
        lambda: add(keys, 1),
        lambda: keys.destroy(uids[:1]),
        lambda: rotate(here.secrets, keys, sleep=lambda _: None),
    ]
    fresh = []
    for change in changes:
        change()
        fresh.append(copy_keys(here.secrets, keys, second, clock.move(minutes=1)).fresh)
        change = None  # type: ignore[assignment]
        assert not copy_keys(here.secrets, keys, second, clock.move(minutes=1)).fresh
    assert fresh == [True, True, True, True]
    assert verify(here.secrets, keys, second, clock()) == []


def test_every_fault_of_the_second_place_is_found(here: Installation, keys: Keys) -> None:
    second = second_of(here)

    def said() -> str:
        return "; ".join(verify(here.secrets, keys, second, START))

    add(keys)
    assert "kek_1 is missing" in said()
    copy_keys(here.secrets, keys, second, START)
    assert said() == ""
    add(keys, 2)
    assert said() == "2 keys were made since 2026-03-08 19:00:00 UTC and are not in the copy"
    copy_keys(here.secrets, keys, second, START + timedelta(minutes=1))
    (second / "secrets" / "audit_key").chmod(0o444)
    assert "audit_key may be read by others" in said()
    (second / "secrets" / "audit_key").unlink()
    assert "audit_key is missing there" in said()
    copy_keys(here.secrets, keys, second, START + timedelta(minutes=2))
    copy = newest(second)
    assert copy is not None
    content = bytearray(copy.read_bytes())
    content[len(content) // 2] ^= 1
    copy.write_bytes(content)
    assert "is not as it was written" in said()
    copy.unlink()
    for left in copies(second):
        left.unlink()
    assert said() == "there is no copy of the key store"


def test_a_copy_wrapped_under_a_key_that_is_not_there_is_found(here: Installation, keys: Keys) -> None:
    second = second_of(here)
    add(keys)
    rotate(here.secrets, keys, sleep=lambda _: None)
    copy_keys(here.secrets, keys, second, START)
    (second / "secrets" / "kek_2").unlink()
    (here.secrets / "kek_2").rename(here.var / "kept")
    assert "does not open with the secrets there" in "; ".join(verify(here.secrets, keys, second, START))


def test_other_secrets_are_not_overwritten(here: Installation, keys: Keys, tmp_path: Path) -> None:
    load_secrets(second_of(here))
    before = {path: path.read_bytes() for path in second_of(here).rglob("*") if path.is_file()}
    with pytest.raises(OtherSecrets):
        copy_keys(here.secrets, keys, second_of(here), START)
    assert {path: path.read_bytes() for path in before} == before


def test_copies_are_thinned_and_none_is_older_than_a_week_but_the_newest(here: Installation, keys: Keys) -> None:
    second, clock = second_of(here), Clock()
    for _ in range(200):  # ten days, every seventy minutes or so
        add(keys, 1)
        copy_keys(here.secrets, keys, second, clock.move(minutes=72))
    ages = [clock() - made_at(path) for path in copies(second)]
    assert max(ages) <= KEPT
    assert len(ages) <= 1 + 24 + 7
    assert len([age for age in ages if age <= timedelta(days=1)]) >= 19
    assert len({(START - age).date() for age in ages}) >= 7
    copy_keys(here.secrets, keys, second, clock.move(days=30))
    assert len(copies(second)) == 1
    assert verify(here.secrets, keys, second, clock()) == []


def test_a_retired_key_goes_there_too(here: Installation, keys: Keys) -> None:
    second = second_of(here)
    rotate(here.secrets, keys, sleep=lambda _: None)
    copy_keys(here.secrets, keys, second, START)
    gone, _ = retire(here.secrets, keys, START + KEPT)
    retire_there(second, gone)
    assert not (second / "secrets" / "kek_1").exists()
    assert verify(here.secrets, keys, second, START) == []


def test_warnings_say_what_to_do(here: Installation, keys: Keys, monkeypatch: pytest.MonkeyPatch) -> None:
    second, clock = second_of(here), Clock()

    def said() -> str:
        return "\n".join(warnings(here, keys, clock()))

    assert warnings(Installation(here.var), keys, clock()) == [NO_SECOND]
    assert "is empty or not there" in said()
    second.mkdir()
    assert "Is the disk plugged in and mounted?" in said()
    copy_keys(here.secrets, keys, second, clock())
    assert said().count("\n") == 0
    assert "on the same disk" in said()
    clock.move(hours=3)
    assert "last copied 180 min ago" in said() or "last copied 3 h 0 min ago" in said()
    add(keys, 2)
    rotate(here.secrets, keys, sleep=lambda _: None)
    assert "lacks kek_2" in said()
    copy_keys(here.secrets, keys, second, clock())
    clock.move(days=91)
    assert "kek_2 has wrapped the keys for 91 days" in said()
    keys.begin(f"kek_{int(prepared(here)[-1])}")
    assert "2 data keys are still under an older" in said()


def test_an_audit_key_that_is_a_year_old_or_should_be_gone_is_a_risk(here: Installation, keys: Keys) -> None:
    file, now = here.secrets / "audit_key", Clock()()

    def codes() -> list[str]:
        return [risk.code for risk in risks(here, keys, now) if risk.code.startswith("audit")]

    for days, found in ((0, []), (364, []), (366, ["audit-key-old"])):
        at = (now - timedelta(days=days)).timestamp()
        os.utime(file, (at, at))
        assert codes() == found
    (old,) = load_secrets(here.var).audit.held()
    assert prepare_audit_key(here.secrets) == "audit_key_2"
    assert show(here, keys).audit_waiting == ["audit_key_2"]
    then = HeldKey("audit_key_2", Ed25519PrivateKey.from_private_bytes((here.secrets / "audit_key_2").read_bytes()))
    assert note_handovers(here.secrets, [sign_head(old, AuditMark(7, bytes(32)), now, Said(), then)])
    shown = show(here, keys)
    assert (shown.audit_key, shown.audit_since, shown.audit_waiting) == ("audit_key_2", now, [])
    assert codes() == ["audit-key-unfinished"]
    copy_keys(here.secrets, keys, second_of(here), now)
    assert [path.name for path in (second_of(here) / "secrets").glob("audit_key*")] == ["audit_key_2"]
    assert lacking_secrets(here.secrets, second_of(here)) == []
    (second_of(here) / "secrets" / HANDOVERS).unlink()
    assert lacking_secrets(here.secrets, second_of(here)) == [HANDOVERS]
    assert retire_audit_keys(here.secrets) == ["audit_key"]
    assert codes() == []


def test_handovers_of_two_installations_are_not_mixed(here: Installation, keys: Keys, tmp_path: Path) -> None:
    """The longer story of the same keys is kept, whichever side has it; another one stops the copy."""
    load_secrets(tmp_path / "other")
    now = Clock()()

    def hand_over(folder: Path, seq: int) -> None:
        held = AuditKeyFiles(folder, b"").held()
        name = prepare_audit_key(folder)
        then = HeldKey(name, Ed25519PrivateKey.from_private_bytes((folder / name).read_bytes()))
        note_handovers(folder, [sign_head(held[0], AuditMark(seq, bytes(32)), now, Said(), then)])
        retire_audit_keys(folder)

    hand_over(here.secrets, 5)
    copy_keys(here.secrets, keys, second_of(here), now)
    before = (here.secrets / HANDOVERS).read_bytes()
    hand_over(here.secrets, 9)
    copy_keys(here.secrets, keys, second_of(here), now)
    there = second_of(here) / "secrets" / HANDOVERS
    assert len(read_handovers(there.parent)) == 2
    whole = there.read_bytes()
    write_secret(here.secrets / HANDOVERS, before)  # a machine that does not know the newest
    copy_keys(here.secrets, keys, second_of(here), now)
    assert there.read_bytes() == whole
    hand_over(tmp_path / "other" / "secrets", 5)
    write_secret(here.secrets / HANDOVERS, (tmp_path / "other" / "secrets" / HANDOVERS).read_bytes())
    with pytest.raises(OtherSecrets, match=HANDOVERS):
        copy_keys(here.secrets, keys, second_of(here), now)
    assert there.read_bytes() == whole


def test_a_key_that_never_changed_and_one_that_a_machine_lacks_are_risks(
    here: Installation, keys: Keys, monkeypatch: pytest.MonkeyPatch
) -> None:
    file, now = here.secrets / "kek_1", Clock()()

    def codes() -> list[str]:
        found = risks(Installation(here.var, keys_url=here.keys_url), keys, now)
        assert {risk.code for risk in found} <= set(RISKS)
        return [risk.code for risk in found if risk.code != "keys-once"]

    os.utime(file, (now.timestamp(), now.timestamp()))
    assert codes() == []
    long_ago = (now - timedelta(days=91)).timestamp()
    os.utime(file, (long_ago, long_ago))  # kek_1 wraps since the beginning: its file is the only witness of its age
    assert codes() == ["kek-old"]
    os.utime(file, (now.timestamp(), now.timestamp()))
    monkeypatch.setattr(keys, "lacking", lambda kek: ["may-hai"] if kek == "kek_1" else [])
    assert codes() == ["kek-missing-elsewhere"]
    monkeypatch.setattr(keys, "lacking", lambda kek: [])
    file.unlink()
    assert codes() == ["kek-missing-here"]


def prepared(here: Installation) -> str:
    from storage.secrets import new_kek

    return new_kek(here.secrets)


def test_what_is_shown_holds_ids_and_counts_only(here: Installation, keys: Keys) -> None:
    add(keys, 4)
    rotate(here.secrets, keys, sleep=lambda _: None)
    copy_keys(here.secrets, keys, second_of(here), START)
    shown = show(here, keys)
    assert [(one.kek, one.wraps, one.active, one.second) for one in shown.keks] == [
        ("kek_1", 0, False, True),
        ("kek_2", 4, True, True),
    ]
    assert (shown.data_keys, shown.copies, shown.copy_made_at, shown.looked_at) == (4, 1, START, START)
    secret = [path.read_bytes() for path in here.secrets.iterdir()]
    assert not [value for value in secret if value.hex()[:8] in repr(shown) or repr(value) in repr(shown)]


def test_checking_names_what_does_not_open(tmp_path: Path) -> None:
    here = Installation(tmp_path)
    assert "keys.db is not there" in check(here, START)[0]
    store = KeyStore(tmp_path / "keys.db", load_secrets(tmp_path), Clock())
    add(store)
    store.close()
    assert check(here, START) == []
    (tmp_path / "secrets" / "kek_1").chmod(0o600)
    (tmp_path / "secrets" / "kek_1").write_bytes(os.urandom(32))
    (tmp_path / "secrets" / "kek_1").chmod(0o400)
    assert check(here, START)[0].startswith("unreadable:")


@pytest.mark.parametrize(
    ("time", "said"),
    [
        (timedelta(seconds=12), "12 s"),
        (timedelta(minutes=5), "5 min"),
        (timedelta(hours=5, minutes=7), "5 h 7 min"),
        (timedelta(days=3, hours=2), "3 days 2 h"),
    ],
)
def test_times_are_said_as_people_say_them(time: timedelta, said: str) -> None:
    assert in_words(time) == said


def test_a_shared_store_comes_back_from_a_copy(postgres_server: Any, tmp_path: Path) -> None:
    url = make_database(postgres_server.url, "binhan_second")
    secrets = load_secrets(tmp_path)
    file = KeyStore(tmp_path / "keys.db", secrets, Clock())
    uids = add(file, 5)
    file.destroy(uids[:2])
    store = PostgresKeyStore(parameters(url), secrets, Clock())
    store.fill_from(tmp_path / "keys.db")
    assert (store.owners(), store.destroyed(), store.fingerprint()) == (
        file.owners(),
        file.destroyed(),
        file.fingerprint(),
    )
    assert store.opens()
    for each in (file, store):
        each.close()
    drop_database(postgres_server.url, "binhan_second")


def test_the_empty_place_of_a_disk_that_is_away_is_not_filled(here: Installation, keys: Keys) -> None:
    second = second_of(here)
    for _ in range(2):
        with pytest.raises(SecondPlaceGone, match="plugged in"):
            second_place.copy_keys(here.secrets, keys, second, START)
        second.mkdir(exist_ok=True)
    assert list(second.iterdir()) == []
    copy_keys(here.secrets, keys, second, START)
    assert second_place.copy_keys(here.secrets, keys, second, START).secrets == []


@pytest.mark.parametrize(
    "damaged", [b"", b"{", b"\xff\xfe", b"[]", b'["a"]', b'{"a": 1}', b'{"a": "soon"}', b'{"a": "2026-11-28T02:00:00"}']
)
def test_a_damaged_list_of_wishes_stops_a_restore_with_the_way_on_and_a_running_service_mends_it(
    tmp_path: Path, damaged: bytes
) -> None:
    (tmp_path / "copied.json").write_text("{}")
    (tmp_path / "wishes.json").write_bytes(damaged)
    with pytest.raises(WishesUnreadable) as told:
        read_wishes(tmp_path)
    assert all(words in str(told.value) for words in (f"{tmp_path}/wishes.json", "move it away", "bot erase CODE"))
    note_wishes(tmp_path, {"a": START})
    assert read_wishes(tmp_path) == {"a": START}
