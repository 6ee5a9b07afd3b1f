"""The check itself: it must turn red for every kind of canary in every kind of place, or its green means nothing."""

from __future__ import annotations

import os
import re
import secrets
import subprocess
import sys
from pathlib import Path

import pytest

from tests.canaries.cage import ROOT, Cage

HEAD = """
import logging, sqlite3, sys
import pytest, structlog
from bot.config import Secret
from handlers import return_codes
from handlers.model import Address, InboundMessage, MessageKind
from storage.secrets import throwaway
from tests.fakes.telegram import TOKEN, FakeTelegram

WORDS = "em tên Hoàng Yến, nhà sau chợ phiên"

SECRETS = None

@pytest.fixture
def her():
    global SECRETS
    SECRETS = throwaway()
    FakeTelegram()._message(748190235, {"contact": {"phone_number": "0canary0phone"}})
    return InboundMessage(
        address=Address("tg", "748190235"), message_id="1", kind=MessageKind.TEXT, text=WORDS, point=(22.386417, 103.458213)
    )
"""
SLIPS = {
    "a library logs her words": ("her words", "logging.getLogger('some.library').debug('got %s', her.text)"),
    "a library logs an exception with her words": (
        "her words",
        "try:\n        raise ValueError(her.text)\n    except ValueError:\n        logging.getLogger('x').exception('no')",
    ),
    "our own log carries her words": ("her words", "structlog.get_logger().debug('handled', text=her.text)"),
    "escaped as JSON": ("her words", "import json; logging.getLogger('x').info(json.dumps(her.text))"),
    "her id is printed": ("a platform's id", "print(her.address.platform_id)"),
    "her name goes to the error stream": ("her name", "print('Firstname748190235', file=sys.stderr)"),
    "her username is logged": ("her username", "logging.info('hello username748190235')"),
    "her phone is logged": ("her phone", "logging.info('call 0canary0phone')"),
    "where she is": ("her point", "logging.info('at %s', her.point)"),
    "the token in an address": ("the bot's token", "logging.info('GET https://x/bot%s/getMe', TOKEN)"),
    "half of the token": ("the bot's token", "logging.info(TOKEN.split(':')[1])"),
    "a key in hex": ("the secret audit", "logging.info(SECRETS.audit.held()[0].private.private_bytes_raw().hex())"),
    "the pepper raw in a file": (
        "the secret pepper",
        "(tmp_path / 'data.db').write_bytes(b'..' + SECRETS.peppers.get('lookup_pepper_1'))",
    ),
    "her words in a database file": (
        "her words",
        "with sqlite3.connect(tmp_path / 'data.db') as there:\n"
        "        there.execute('CREATE TABLE t (x TEXT)'); there.execute('INSERT INTO t VALUES (?)', [her.text])\n"
        "    there.close()",
    ),
    "her words in a process's output": ("her words", "(tmp_path / 'output-1.txt').write_text(her.text)"),
}


def _suite(folder: Path, *tests: str) -> subprocess.CompletedProcess[str]:
    """A suite of its own, with the plugin as our own suite has it."""
    (folder / "conftest.py").write_text("from tests.conftest import *  # noqa\n")
    (folder / "test_slips.py").write_text(HEAD + "\n".join(tests))
    argv = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-c", str(ROOT / "pyproject.toml")]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    environment.pop("PYTEST_XDIST_WORKER", None)
    return subprocess.run(
        [*argv, f"--rootdir={folder}", str(folder)], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )  # fmt: skip


def test_every_slip_turns_its_test_red_and_says_what_came_out(tmp_path: Path) -> None:
    tests = [
        f"def test_{number}(her, tmp_path):\n    {line}\n" for number, (_, line) in enumerate(SLIPS.values())
    ]  # fmt: skip
    run = _suite(tmp_path, *tests)
    red = re.findall(r"^ERROR .*::test_(\d+)", run.stdout, re.M)
    assert sorted({int(one) for one in red}) == list(range(len(SLIPS))), run.stdout[-3000:]
    for kind, _ in SLIPS.values():
        assert f"{kind} in " in run.stdout


def test_what_is_said_without_her_stays_green(tmp_path: Path) -> None:
    honest = [
        "def test_ids(her):\n    logging.info('lane %s', '3f2b' * 8); print('chào em'); structlog.get_logger().info('x', n=1)\n",
        "def test_ours(her):\n    logging.info('Lúc nhắn có an toàn không')\n",
        "@pytest.mark.aloud('prints her words')\ndef test_aloud(her):\n    print(her.text)\n",
    ]
    run = _suite(tmp_path, *honest)
    assert run.returncode == 0, run.stdout[-3000:]


def test_short_words_and_what_we_ship_ourselves_are_no_canaries() -> None:
    cage = Cage()
    cage.words("her words", "dạ vâng ạ")
    cage.words("her words", "Dấu hiệu nguy hiểm")
    assert cage.look("dạ vâng ạ / Dấu hiệu nguy hiểm", "anywhere") == []


@pytest.mark.parametrize("written", ["em ở bản Nà Ít, sau chợ", 'em\\n"ở" bản Nà Ít'])
def test_words_are_found_however_they_are_written(written: str) -> None:
    cage = Cage()
    cage.words("her words", written)
    for form in (written, repr(written), repr({"text": written}), f"{written!a}"):
        assert cage.look(f"… {form} …", "anywhere"), form


def test_thousands_of_canaries_are_found_in_megabytes_as_well() -> None:
    cage = Cage()
    for number in range(2_000):
        cage.words("her words", f"chồng đang cầm dao đánh em, tin {number} của người 748190100")
        cage.name("her name", f"Firstname{748190000 + number}")
    hidden = {7: "tin 77 của người 748190100", 1_999_000: "tin 1999 của người 748190100"}
    content = bytearray(secrets.token_bytes(2_000_000))
    for at, end in hidden.items():
        words = f"chồng đang cầm dao đánh em, {end}".encode()
        content[at : at + len(words)] = words
    content += b"FirstFirstname748190005Firstname748199999"
    assert {one.value for one in cage.look(bytes(content), "a file")} == {
        "chồng đang cầm dao đánh em, tin 77 của người 748190100",
        "chồng đang cầm dao đánh em, tin 1999 của người 748190100",
        "Firstname748190005",
    }
