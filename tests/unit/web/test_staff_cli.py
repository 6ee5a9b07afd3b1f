"""`staff` on an installation of its own: add, list, reset, disable."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from argon2 import PasswordHasher
from typer.testing import CliRunner

from bot.cli.staff import app
from handlers.errors import BinhAnError
from storage.open import open_storage


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
    import asyncio

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
