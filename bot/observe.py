"""Logs: structured, to standard error, marks and counts only. What could carry people's text, addresses or secrets is stopped
here, whoever logs it: libraries that print URLs or bodies are quiet, an exception is named by class and place, never by text.

Lines about one person's lane carry the same *mark*, in all processes, for one day: a keyed hash of the contact's uid. It leads
nowhere in the database without the installation's secrets, and tomorrow it is another one.
"""

from __future__ import annotations

import hashlib
import logging
import re
import secrets
import sys
import threading
import traceback
from collections import Counter
from collections.abc import MutableMapping
from contextlib import suppress
from datetime import UTC, datetime
from types import TracebackType
from typing import Any

import structlog

_TOKEN = re.compile(r"\d{5,}:[\w-]{20,}")
_QUIET = (
    "httpx",
    "httpcore",
    "telegram",
    "aiohttp",
    "asyncio",
    "hpack",
    "sqlalchemy",
    "alembic",
    "psycopg",
    "redis",
    "fido2",
)
_LEVELS = {"debug": logging.DEBUG, "info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}

log = structlog.get_logger()
_level = logging.DEBUG

LINES: Counter[str] = Counter()
"""Lines logged by this process so far, by level."""


class Marks:
    """What stands in a log line in place of a uid."""

    def __init__(self, key: bytes) -> None:
        """`key` is the same in all processes of an installation, and secret."""
        self._key = key

    def of(self, uid: str | None) -> str:
        """The mark of today, 10 hex digits; "" for nobody."""
        if not uid:
            return ""
        day = f"{datetime.now(UTC):%Y-%m-%d}"
        return hashlib.blake2b(f"{day}|{uid}".encode(), key=self._key, digest_size=5, person=b"log-mark").hexdigest()


_marks = Marks(secrets.token_bytes(32))


def mark_by(key: bytes) -> None:
    """From now on marks are made with this key, so that they are the same in all processes."""
    global _marks
    _marks = Marks(hashlib.blake2b(key, digest_size=32, person=b"log-marks").digest())


def mark(uid: str | None) -> str:
    """The mark of a contact, a case, a message: equal for equal uids on one day, and leads nowhere."""
    return _marks.of(uid)


def is_debug() -> bool:
    """Are lines of level debug written? On the message path making what they say costs more than leaving them out."""
    return _level <= logging.DEBUG


class _Terminal:
    """Writes log lines to standard error as it is now. A log that cannot be written (a full disk, a closed pipe) must never
    stop what it was about.
    """

    def __init__(self, *_: Any) -> None:
        """Structlog hands over the logger's name; it is not shown."""

    def msg(self, message: str) -> None:
        """One line."""
        with suppress(OSError, ValueError):
            print(message, file=sys.stderr, flush=True)

    debug = info = warning = warn = error = err = critical = fatal = exception = failure = log = msg


class _Lines(logging.Handler):
    """What libraries log, written as our own lines are. A line that cannot be formatted or written is given up in silence: the
    library's own complaint would print the arguments, and the source around them.
    """

    def emit(self, record: logging.LogRecord) -> None:
        """One line."""
        with suppress(Exception):
            _Terminal().msg(self.format(record))


def set_up_logs(level: str, *, json_lines: bool = False) -> None:
    """Configure all logging of this process. `level`: debug, info, warning or error."""
    global _level
    _level = _LEVELS[level]
    # No exception is ever rendered: a pretty traceback shows the values of variables, and those are people's words.
    renderer: Any = (
        structlog.processors.JSONRenderer()
        if json_lines
        else structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback)
    )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            _counted,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            _without_exceptions,
            _without_tokens,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(_level),
        logger_factory=_Terminal,
        cache_logger_on_first_use=False,
    )
    handler = _Lines()
    handler.setFormatter(_Careful("%(levelname)s %(name)s %(message)s"))
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    for name in _QUIET:
        # Their messages can hold URLs (with the bot's token), addresses or bodies; our own lines say what matters.
        logging.getLogger(name).setLevel(logging.CRITICAL)
    sys.excepthook = _crashed
    threading.excepthook = lambda args: _crashed(args.exc_type, args.exc_value, args.exc_traceback)


def place_of(trace: TracebackType | None) -> str:
    """Where an exception comes from, as "file.py:line"; "" when that is not known."""
    frames = traceback.extract_tb(trace)
    return f"{frames[-1].filename.rsplit('/', 1)[-1]}:{frames[-1].lineno}" if frames else ""


class _Careful(logging.Formatter):
    """For the standard library's loggers: no exception text, no token."""

    def format(self, record: logging.LogRecord) -> str:
        LINES[record.levelname.lower()] += 1
        said = logging.makeLogRecord({**record.__dict__, "exc_info": None, "exc_text": None, "stack_info": None})
        kind = f" [{record.exc_info[0].__name__}]" if record.exc_info and record.exc_info[0] else ""
        return _TOKEN.sub("[token]", super().format(said)) + kind


def _crashed(kind: type[BaseException], error: BaseException | None, trace: TracebackType | None) -> None:
    """An exception nobody caught: its class and place."""
    if issubclass(kind, KeyboardInterrupt):
        return
    log.error("crashed", error=kind.__name__, place=place_of(trace))


def _without_exceptions(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """An exception is named by class and place."""
    given = event.pop("exc_info", None)
    event.pop("stack_info", None)
    if given is True:
        given = sys.exc_info()[1]
    elif isinstance(given, tuple):
        given = given[1]
    if isinstance(given, BaseException):
        event["error"], event["place"] = type(given).__name__, place_of(given.__traceback__)
    return event


def _counted(_logger: Any, method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """For the metric of errors and warnings."""
    LINES[event.get("level", method)] += 1
    return event


def _without_tokens(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Belt and braces: no bot token leaves in a log line, whoever put it there."""
    return {key: _TOKEN.sub("[token]", value) if isinstance(value, str) else value for key, value in event.items()}
