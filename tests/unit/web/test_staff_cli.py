"""`staff` on an installation of its own: add, list, reset, disable."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

import pytest
from argon2 import PasswordHasher
from typer.testing import CliRunner

from bot.cli.staff import app
from bot.web.signin import throttle_key
from handlers.errors import BinhAnError
from handlers.factors import Factor, FactorKind
from handlers.model import SignIn, new_uid
from handlers.ports import UnitOfWork
from storage.open import open_storage

R = TypeVar("R")


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "config.yaml"
    path.write_text("var: var\n", encoding="utf-8")
    return path


def run(config: Path, *words: str) -> str:
    result = CliRunner().invoke(app, [*words, "--config", str(config)], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


async def stored_hash(config: Path, name: str) -> str:
    storage = open_storage("", config.parent / "var")
    try:
        staff = await storage.door.read(lambda uow: uow.staff.by_name(name))
        assert staff is not None
        return staff.password_hash
    finally:
        await storage.close()


def test_a_new_colleague_gets_a_password_that_is_shown_once(config: Path) -> None:
    said = run(config, "add", "lan", "--alias", "Sen", "--role", "counsellor", "--role", "supervisor")
    found = re.search(r"password (\S+)", said)
    assert found is not None
    password_hash = asyncio.run(stored_hash(config, "lan"))
    assert PasswordHasher().verify(password_hash, found[1])
    assert run(config, "list") == "lan\tSen\tcounsellor,supervisor\tenabled\n"
    assert "disabled" in run(config, "disable", "lan")
    assert run(config, "list").endswith("disabled\n")
    again = re.search(r"password (\S+)", run(config, "reset", "lan"))
    assert again is not None
    assert again[1] != found[1]
    assert run(config, "list").endswith("enabled\n")


def test_two_with_one_alias_are_pointed_out_and_one_person_is_shown_whole(config: Path) -> None:
    assert "note:" not in run(config, "add", "lan", "--alias", "Sen", "--role", "counsellor", "--woman")
    assert "note: lan has the alias Sen too" in run(config, "add", "mai", "--alias", "Sen", "--role", "editor")
    shown = dict(line.split("\t") for line in run(config, "show", "lan").splitlines())
    assert (shown["messengers bound"], shown["called for who asks for a woman"]) == ("none", "yes")
    run(config, "disable", "lan")
    with pytest.raises(BinhAnError, match="staff reset"):
        run(config, "bind", "lan")


def test_mistakes_are_named(config: Path) -> None:
    run(config, "add", "lan", "--alias", "Sen", "--role", "counsellor")
    with pytest.raises(BinhAnError, match="signed up under this name"):
        run(config, "add", "Lan", "--alias", "Sen", "--role", "counsellor")
    with pytest.raises(BinhAnError, match="Nobody here has this sign-in name"):
        run(config, "disable", "mai")


def test_a_typed_password_must_be_hard_to_guess(config: Path) -> None:
    typed = "matkhaumatkhau123\n" * 2
    words = ["add", "lan", "--alias", "Sen", "--role", "counsellor", "--ask", "--config", str(config)]
    result = CliRunner().invoke(app, words, input=typed)
    assert result.exit_code == 1
    assert "guessed first" in result.output


async def enrol(config: Path, name: str, seed: str = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP") -> None:
    """As she has done at the desk."""
    storage = open_storage("", config.parent / "var")
    try:
        staff = await storage.door.read(lambda uow: uow.staff.by_name(name))
        assert staff is not None

        def work(uow: UnitOfWork, items: Sequence[None]) -> list[None]:
            made = Factor(
                uid=new_uid(), staff_uid=staff.uid, kind=FactorKind.TOTP, secret=seed.encode(), created_at=uow.now
            )
            uow.factors.add(made)
            uow.factors.add_codes(staff.uid, ["1234567890"], staff.uid)
            uow.staff.sign_in(SignIn(token_hash="t", staff_uid=staff.uid, created_at=uow.now, last_seen_at=uow.now))
            uow.staff.note_failure(throttle_key(storage.secrets.session, name))
            return [None]

        await storage.door.run(work, None)
    finally:
        await storage.close()


async def asked(config: Path, query: Callable[[UnitOfWork], R]) -> R:
    storage = open_storage("", config.parent / "var")
    try:
        return await storage.door.read(query)
    finally:
        await storage.close()


def test_who_lost_her_phone_is_helped_from_the_server(config: Path) -> None:
    run(config, "add", "lan", "--alias", "Sen", "--role", "counsellor")
    with pytest.raises(BinhAnError, match="no second factor"):
        run(config, "help-code", "lan")
    asyncio.run(enrol(config, "lan"))
    shown = run(config, "show", "lan")
    assert "second factors\ttotp\n" in shown
    assert "spare codes left\t1\n" in shown
    assert "open sessions\t1\n" in shown
    said = run(config, "help-code", "lan")
    code = re.search(r"code (\d{5} \d{5})", said)
    assert code is not None
    lan = asyncio.run(asked(config, lambda uow: uow.staff.by_name("lan")))
    assert lan is not None
    assert run(config, "show", "lan") == shown  # it is beside her own codes, not one of them
    run(config, "end-sessions", "lan")
    assert "open sessions\t0\n" in run(config, "show", "lan")
    assert "second factors\ttotp\n" in run(config, "show", "lan")
    run(config, "reset-factors", "lan")
    shown = run(config, "show", "lan")
    assert "second factors\tnone\n" in shown
    assert "spare codes left\t0\n" in shown
    with pytest.raises(BinhAnError, match="sign-in name"):
        run(config, "end-sessions", "mai")
    actions = asyncio.run(asked(config, lambda uow: uow.audit.verify()))
    assert actions is None


def test_who_was_throttled_may_try_again_at_once(config: Path) -> None:
    run(config, "add", "lan", "--alias", "Sen", "--role", "counsellor")
    asyncio.run(enrol(config, "lan"))

    def failed(uow: UnitOfWork) -> int:
        return uow.staff.failures(key, datetime(2020, 1, 1, tzinfo=UTC))

    key = throttle_key((config.parent / "var/secrets/session_key").read_bytes(), "LAN")
    assert asyncio.run(asked(config, failed)) == 1
    run(config, "unlock", "Lan")
    assert asyncio.run(asked(config, failed)) == 0


def test_a_new_role_counts_at_once_and_ends_what_is_open(config: Path) -> None:
    run(config, "add", "giam", "--alias", "Gia", "--role", "supervisor")
    run(config, "add", "lan", "--alias", "Sen", "--role", "counsellor")
    asyncio.run(enrol(config, "lan"))
    assert "counsellor -> supervisor,editor" in run(config, "role", "lan", "supervisor", "editor")
    shown = run(config, "show", "lan")
    assert "roles\tsupervisor,editor\n" in shown
    assert "open sessions\t0\n" in shown
    assert "second factors\ttotp\n" in shown
    run(config, "role", "giam", "counsellor")
    with pytest.raises(BinhAnError, match="Nobody else"):
        run(config, "role", "lan", "editor")
    assert "roles\tsupervisor,editor\n" in run(config, "show", "lan")
    with pytest.raises(BinhAnError, match="sign-in name"):
        run(config, "role", "mai", "editor")
