"""Whatever is logged, by whomever: no text of people, no token, no traceback with values."""

from __future__ import annotations

import errno
import io
import json
import logging
import sys
import threading
from datetime import datetime, timedelta, tzinfo

import pytest
import structlog

from bot import observe
from bot.observe import Marks, set_up_logs

CANARY = "chim hoàng yến"
TOKEN = "1234567:fake-token-for-tests-only-not-a-secret"


@pytest.fixture(autouse=True)
def everything_as_before():
    hooks = sys.excepthook, threading.excepthook
    root, level = logging.getLogger(), logging.getLogger().level
    handlers = list(root.handlers)
    yield
    sys.excepthook, threading.excepthook = hooks
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


def _fails() -> None:
    words = CANARY  # a local variable a pretty traceback would show
    raise ValueError(f"cannot read {words}")


@pytest.mark.parametrize("json_lines", [True, False])
def test_an_exception_is_named_by_class_and_place_only(capsys: pytest.CaptureFixture[str], json_lines: bool) -> None:
    set_up_logs("debug", json_lines=json_lines)
    log = structlog.get_logger()
    try:
        _fails()
    except ValueError as error:
        log.exception("one")
        log.error("two", exc_info=error)
        log.error("three", exc_info=sys.exc_info())  # noqa: G201 - this form is what is tested
        logging.getLogger("some.library").exception("four")
    said = capsys.readouterr().err
    assert CANARY not in said
    assert "Traceback" not in said
    assert said.count("ValueError") == 4
    assert said.count("test_observe.py:") == 3


def test_tokens_are_taken_out_of_every_line(capsys: pytest.CaptureFixture[str]) -> None:
    set_up_logs("debug", json_lines=True)
    structlog.get_logger().info("asked", url=f"https://api.example.org/bot{TOKEN}/getMe")
    logging.getLogger("some.library").warning("GET https://api.example.org/bot%s/getMe", TOKEN)
    first, second = capsys.readouterr().err.splitlines()
    assert TOKEN not in first + second
    assert json.loads(first)["url"] == "https://api.example.org/bot[token]/getMe"
    assert "[token]" in second


@pytest.mark.parametrize("name", ["httpx", "telegram.Bot", "aiohttp.access", "aiohttp.server", "asyncio"])
def test_libraries_that_print_urls_and_addresses_are_quiet(capsys: pytest.CaptureFixture[str], name: str) -> None:
    set_up_logs("debug")
    logging.getLogger(name).error("%s from 10.1.2.3", CANARY)
    assert capsys.readouterr().err == ""


def test_a_crash_is_one_line_without_its_text(capsys: pytest.CaptureFixture[str]) -> None:
    set_up_logs("error", json_lines=True)
    thread = threading.Thread(target=_fails)
    thread.start()
    thread.join()
    (line,) = capsys.readouterr().err.splitlines()
    assert (json.loads(line)["event"], json.loads(line)["error"]) == ("crashed", "ValueError")
    assert CANARY not in line


def test_levels_are_kept(capsys: pytest.CaptureFixture[str]) -> None:
    set_up_logs("warning")
    structlog.get_logger().info("not shown")
    structlog.get_logger().warning("shown")
    assert "not shown" not in (said := capsys.readouterr().err)
    assert "shown" in said


def test_a_log_that_cannot_be_written_stops_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    class Full(io.StringIO):
        def write(self, text: str) -> int:
            raise OSError(errno.ENOSPC, "No space left on device")

    set_up_logs("info")
    monkeypatch.setattr(sys, "stderr", Full())
    structlog.get_logger().error("something.failed")
    closed = io.StringIO()
    closed.close()
    monkeypatch.setattr(sys, "stderr", closed)
    structlog.get_logger().error("something.failed")


def test_marks_lead_nowhere_and_are_the_same_in_all_processes_of_one_day(monkeypatch: pytest.MonkeyPatch) -> None:
    uid, other = "0d9f" * 8, "1d9f" * 8
    one, two, elsewhere = Marks(b"k" * 32), Marks(b"k" * 32), Marks(b"e" * 32)
    assert one.of(uid) == two.of(uid) != elsewhere.of(uid)
    assert one.of(uid) != one.of(other)
    assert len(one.of(uid)) == 10
    assert one.of(uid) not in uid
    assert one.of(None) == ""

    class Tomorrow(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> datetime:
            return datetime.now(tz) + timedelta(days=1)

    today = one.of(uid)
    monkeypatch.setattr(observe, "datetime", Tomorrow)
    assert one.of(uid) != today, "lines of two days cannot be put together"


def test_warnings_and_errors_are_counted_also_those_of_libraries(capsys: pytest.CaptureFixture[str]) -> None:
    set_up_logs("info")
    before = dict(observe.LINES)
    structlog.get_logger().error("one")
    structlog.get_logger().warning("two")
    structlog.get_logger().debug("not shown")
    logging.getLogger("some.library").error("three")
    new = {level: observe.LINES[level] - before.get(level, 0) for level in ("error", "warning", "debug")}
    assert new == {"error": 2, "warning": 1, "debug": 0}


def test_a_line_of_a_library_that_cannot_be_formatted_prints_nothing_of_its_arguments(
    capsys: pytest.CaptureFixture[str],
) -> None:
    set_up_logs("debug")
    logging.getLogger("somebody.else").warning("%d lines", "her words 4471")
    logging.getLogger("somebody.else").warning("%d lines", 3)
    said = capsys.readouterr().err
    assert "4471" not in said
    assert "3 lines" in said


def test_lines_of_libraries_go_to_the_error_stream_of_now(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = io.StringIO()
    with monkeypatch.context() as before:
        before.setattr(sys, "stderr", gone)
        set_up_logs("info")
    gone.close()
    logging.getLogger("somebody.else").warning("still here")
    assert "still here" in capsys.readouterr().err
