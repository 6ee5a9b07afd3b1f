"""A service manager hears when the process is ready, that its loop turns, and when it stops; a hung loop says nothing."""

from __future__ import annotations

import asyncio
import os
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.supervised import alive_every_s, keep_telling, tell


class Heard:
    """What a manager has been told."""

    def __init__(self, address: str) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(address)
        self._socket.setblocking(False)

    def words(self) -> list[str]:
        found: list[str] = []
        while True:
            try:
                found.append(self._socket.recv(4096).decode())
            except BlockingIOError:
                return found

    def close(self) -> None:
        self._socket.close()


@pytest.fixture(params=["a path", "an abstract name"])
def heard(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Heard]:
    name = str(tmp_path / "n") if request.param == "a path" else f"@binhan-test-{os.getpid()}"
    made = Heard("\0" + name[1:] if name.startswith("@") else name)
    monkeypatch.setenv("NOTIFY_SOCKET", name)
    monkeypatch.setenv("WATCHDOG_USEC", "60000")
    monkeypatch.delenv("WATCHDOG_PID", raising=False)
    yield made
    made.close()


async def test_ready_is_told_once_and_life_again_and_again(heard: Heard) -> None:
    ready = asyncio.Event()
    telling = asyncio.create_task(keep_telling(ready))
    await asyncio.sleep(0.05)
    assert heard.words() == [], "not ready yet"
    ready.set()
    await asyncio.sleep(0.2)
    telling.cancel()
    await asyncio.gather(telling, return_exceptions=True)
    words = heard.words()
    assert words[0] == "READY=1"
    assert len(words) > 3
    assert set(words[1:]) == {"WATCHDOG=1"}
    await asyncio.sleep(0.05)
    assert heard.words() == []


async def test_a_loop_that_hangs_gives_no_sign_of_life(heard: Heard) -> None:
    ready = asyncio.Event()
    ready.set()
    telling = asyncio.create_task(keep_telling(ready))
    await asyncio.sleep(0.05)
    heard.words()
    time.sleep(0.1)  # noqa: ASYNC251 - the hang itself
    assert heard.words() == []
    telling.cancel()
    await asyncio.gather(telling, return_exceptions=True)


def test_signs_of_life_are_for_who_was_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WATCHDOG_USEC", "30000000")
    monkeypatch.delenv("WATCHDOG_PID", raising=False)
    assert alive_every_s() == 10.0
    monkeypatch.setenv("WATCHDOG_PID", str(os.getpid()))
    assert alive_every_s() == 10.0
    monkeypatch.setenv("WATCHDOG_PID", "1")
    assert alive_every_s() is None
    monkeypatch.delenv("WATCHDOG_PID")
    for nothing in ("", "0", "soon"):
        monkeypatch.setenv("WATCHDOG_USEC", nothing)
        assert alive_every_s() is None


@pytest.mark.parametrize("address", ["", "/nowhere/at/all", "@nobody-listens-here", "vsock:2:1"])
def test_without_a_manager_nothing_happens(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NOTIFY_SOCKET", address)
    tell("READY=1")
