"""Where canaries are looked for: what was logged, what a test printed, files of an installation, whole databases, Redis."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import redis
import structlog

from bot import observe
from tests.servers.postgres import kept

FILES = ("*.db", "*.db-wal", "*.db-shm", "*.db-journal", "output*.txt", "*.log", "manifest.json", "*.rdb", "*.dump")
"""What the program itself writes. Not what a test writes for it to read (a token's file, texts to classify)."""
MOST_BYTES = 64_000_000


class Logs(logging.Handler):
    """Everything anybody logs in this process, unfiltered: more than the program itself would write down."""

    def __init__(self) -> None:
        super().__init__(logging.NOTSET)
        self.lines: list[str] = []
        self.setFormatter(logging.Formatter("%(levelname)s %(name)s %(message)s"))  # with exceptions and their texts

    def emit(self, record: logging.LogRecord) -> None:
        """A record of the standard library's logging."""
        try:
            self.lines.append(self.format(record))
        except Exception as error:  # a record that cannot be written cannot give anything away
            self.lines.append(type(error).__name__)

    def event(self, _logger: object, method: str, event: Any) -> Any:
        """A structlog processor: the raw event, before anything is taken out of it."""
        self.lines.append(repr(dict(event)))
        if method == "debug":  # heard; a test's own terminal stays as it is at the usual level
            raise structlog.DropEvent
        return event

    def begin(self) -> None:
        """Listen at the loudest level, with the program's own settings behind."""
        if self.event not in structlog.get_config()["processors"]:
            hooks = observe.sys.excepthook, observe.threading.excepthook
            root = logging.getLogger()
            before = list(root.handlers)
            observe.set_up_logs("debug", json_lines=True)
            root.handlers[:] = before
            observe.sys.excepthook, observe.threading.excepthook = hooks
            structlog.configure(processors=[self.event, *structlog.get_config()["processors"]])
        root = logging.getLogger()
        root.setLevel(logging.DEBUG)
        if self not in root.handlers:
            root.addHandler(self)


def files_of(folder: Path) -> Iterator[tuple[str, bytes]]:
    """What the program wrote below this folder; its secret files are where the secrets belong."""
    for pattern in FILES:
        for path in folder.rglob(pattern):
            if path.is_file() and "secrets" not in path.parts and path.stat().st_size <= MOST_BYTES:
                try:
                    yield str(path.relative_to(folder)), path.read_bytes()
                except OSError:
                    continue  # a process that is just ending took it away


def postgres_dump(url: str) -> Iterator[tuple[str, bytes]]:
    """Every row of every table of the database, as text."""
    connection = kept(url)
    names = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()
    for (name,) in names:
        with connection.cursor() as cursor, cursor.copy(f'COPY "{name}" TO STDOUT') as rows:  # type: ignore[call-overload]
            yield f"table {name}", b"".join(bytes(row) for row in rows)


def redis_dump(url: str) -> Iterator[tuple[str, bytes]]:
    """Every key with its value, whatever its kind; a raw dump would hide a number, which Redis packs."""
    read: dict[bytes, Callable[[redis.Redis, bytes], Any]] = {
        b"string": lambda client, key: client.get(key),
        b"hash": lambda client, key: client.hgetall(key),
        b"list": lambda client, key: client.lrange(key, 0, -1),
        b"set": lambda client, key: client.smembers(key),
        b"zset": lambda client, key: client.zrange(key, 0, -1, withscores=True),
        b"stream": lambda client, key: client.xrange(key),
    }
    with redis.Redis.from_url(url) as client:
        for key in client.scan_iter("*"):
            yield "a key of Redis", bytes(key)
            kind = client.type(key)
            if kind != b"none":  # it ran out meanwhile
                yield "a value of Redis", repr(read[kind](client, key)).encode()
