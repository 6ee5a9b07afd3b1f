"""The command line as a whole: exit codes, one line on stderr, never a traceback."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from bot import __main__ as command_line
from bot import serve as serve_module
from bot.config import Config
from bot.roles import Role
from bot.running import CannotListen


@pytest.fixture(autouse=True)
def in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("BINHAN_TRACEBACK", raising=False)


def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    monkeypatch.setattr(sys, "argv", ["binhan", *words])
    with pytest.raises(SystemExit) as ended:
        command_line.main()
    shown = capsys.readouterr()
    code = ended.value.code
    return (code if isinstance(code, int) else 0), shown.out, shown.err


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Config, bool]]:
    """Instead of serving: what would be served."""
    seen: list[tuple[Config, bool]] = []

    async def note(config: Config, *, demo: bool, role: Role, listen: bool) -> None:
        seen.append((config, demo))

    monkeypatch.setattr(serve_module, "serve", note)
    return seen


def test_without_a_configuration_it_is_the_demo(monkeypatch: Any, capsys: Any, served: Any) -> None:
    assert run(monkeypatch, capsys, "serve")[0] == 0
    assert served == [(Config(), True)]


def test_with_a_configuration_nobody_is_made(monkeypatch: Any, capsys: Any, served: Any, tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text("var: here\n")
    assert run(monkeypatch, capsys, "serve")[0] == 0
    assert [(config.var, demo) for config, demo in served] == [(Path("here"), False)]


def test_listen_changes_nothing_else(monkeypatch: Any, capsys: Any, served: Any, tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("1:x")
    written = tmp_path / "mine.yaml"
    written.write_text(
        f"var: {tmp_path}/v\ntimezone: UTC\nchannels:\n"
        f"  - {{name: tg, platform: telegram, token: 'file:{token}', mode: webhook, webhook_secret: 'env:S'}}\n"
    )
    assert run(monkeypatch, capsys, "serve", "--config", str(written), "--listen", "0.0.0.0:9000")[0] == 0
    ((config, demo),) = served
    assert (config.listen, config.timezone, config.var, demo) == ("0.0.0.0:9000", "UTC", tmp_path / "v", False)
    assert config.channels[0].token.read() == "1:x"


@pytest.mark.parametrize("listen", ["8080", "nowhere", "a b:1", "h:port"])
def test_an_address_of_the_wrong_shape_is_one_line(monkeypatch: Any, capsys: Any, served: Any, listen: str) -> None:
    code, out, err = run(monkeypatch, capsys, "serve", "--listen", listen)
    assert (code, out) == (2, "")
    assert err.count("\n") == 1
    assert "HOST:PORT" in err
    assert served == []


def test_an_error_of_ours_is_one_line(monkeypatch: Any, capsys: Any) -> None:
    async def refuses(*_: Any, **__: Any) -> None:
        raise CannotListen("127.0.0.1:80, Permission denied")

    monkeypatch.setattr(serve_module, "serve", refuses)
    code, _, err = run(monkeypatch, capsys, "serve")
    assert code == 2
    assert err.startswith("binhan: ")
    assert err.count("\n") == 1
    assert "--listen" in err


def test_a_folder_that_cannot_be_written_is_one_line(monkeypatch: Any, capsys: Any, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    (tmp_path / "config.yaml").write_text("var: file/var\n")
    code, _, err = run(monkeypatch, capsys, "serve")
    assert code == 2
    assert err.count("\n") == 1
    assert "file/var" in err


def test_a_mistake_of_the_program_quotes_nothing(monkeypatch: Any, capsys: Any) -> None:
    async def breaks(*_: Any, **__: Any) -> None:
        raise RuntimeError("lời của ai đó")

    monkeypatch.setattr(serve_module, "serve", breaks)
    code, _, err = run(monkeypatch, capsys, "serve")
    assert code == 2
    assert "RuntimeError" in err
    assert "lời của ai đó" not in err
    monkeypatch.setenv("BINHAN_TRACEBACK", "1")
    monkeypatch.setattr(sys, "argv", ["binhan", "serve"])
    with pytest.raises(RuntimeError):
        command_line.main()


@pytest.mark.parametrize(("written", "noted"), [("", True), ("operator:\n  name: Trung tâm thử\n", False)])
def test_an_operator_without_a_name_is_noted(
    monkeypatch: Any, capsys: Any, tmp_path: Path, written: str, noted: bool
) -> None:
    (tmp_path / "config.yaml").write_text("listen: 127.0.0.1:1\n" + written)
    code, out, _ = run(monkeypatch, capsys, "config", "check")
    assert code == 0
    assert ("operator.name is empty" in out) is noted


@pytest.mark.parametrize(
    ("listen", "web", "noted"),
    [
        ("127.0.0.1:1", "{public_url: 'https://tro-giup.example'}", "web.behind_proxy is not set"),
        ("0.0.0.0:1", "{public_url: 'https://tro-giup.example', behind_proxy: true}", "0.0.0.0:1"),
        ("127.0.0.1:1", "{public_url: 'https://tro-giup.example', behind_proxy: true}", ""),
        ("127.0.0.1:1", "{}", ""),
    ],
)
def test_a_proxy_that_was_forgotten_or_may_be_gone_around_is_noted(
    monkeypatch: Any, capsys: Any, tmp_path: Path, listen: str, web: str, noted: str
) -> None:
    (tmp_path / "config.yaml").write_text(f"listen: {listen}\nweb: {web}\noperator: {{name: Trung tâm thử}}\n")
    code, out, _ = run(monkeypatch, capsys, "config", "check")
    assert code == 0
    notes = [line for line in out.splitlines() if line.startswith("note: ")]
    assert len(notes) == bool(noted)
    assert noted in out


@pytest.mark.parametrize("words", [["nonsense"], ["serve", "--nonsense"], ["serve", "--config", "none.yaml"]])
def test_wrong_use_is_one_line(monkeypatch: Any, capsys: Any, words: list[str]) -> None:
    code, _, err = run(monkeypatch, capsys, *words)
    assert code == 2
    assert err.count("\n") == 1
    assert "Traceback" not in err


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("listen: 127.0.0.1:1\nnonsense: 1\n", "config.yaml:2:1: nonsense: unknown key"),
        ("timezone: Moon/Base\n", "config.yaml:1:"),
        ("- a\n", "config.yaml:1:1"),
        ("a: [\n", "config.yaml:"),
    ],
)
def test_a_broken_configuration_names_its_place(
    monkeypatch: Any, capsys: Any, tmp_path: Path, written: str, said: str
) -> None:
    (tmp_path / "config.yaml").write_text(written)
    code, _, err = run(monkeypatch, capsys, "config", "check")
    assert code == 2
    assert said in err


def test_a_good_configuration_is_fine_and_its_secrets_are_read(monkeypatch: Any, capsys: Any, tmp_path: Path) -> None:
    assert run(monkeypatch, capsys, "config", "check")[0] == 0
    (tmp_path / "config.yaml").write_text("channels: [{name: tg, platform: telegram, token: 'env:NO_SUCH_TOKEN'}]\n")
    code, _, err = run(monkeypatch, capsys, "config", "check")
    assert code == 2
    assert "env:NO_SUCH_TOKEN" in err


def test_db_upgrade_makes_a_database_that_checks(monkeypatch: Any, capsys: Any, tmp_path: Path) -> None:
    assert run(monkeypatch, capsys, "db", "upgrade")[0] == 0
    code, out, _ = run(monkeypatch, capsys, "db", "check")
    assert (code, out) == (0, "database: fine\n")
    assert run(monkeypatch, capsys, "backup", str(tmp_path / "kept"))[0] == 0
    code, out, _ = run(monkeypatch, capsys, "db", "release")
    assert (code, out) == (0, "quarantine: there was none\n")
