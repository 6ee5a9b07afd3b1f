"""`serve` as an operator meets it: where to look, one line when it cannot, and an orderly stop."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest

from bot.config import Config
from bot.running import CannotListen
from bot.serve import serve
from bot.wiring import copy_keys, hold_lock, open_service
from storage.lock import AlreadyServing
from storage.second_place import lacking_secrets, looked_at, newest


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def config(tmp_path: Path) -> Config:
    return Config(var=tmp_path / "var", listen=f"127.0.0.1:{free_port()}")


@asynccontextmanager
async def serving(written: Config, *, demo: bool = True) -> AsyncIterator[asyncio.Task[None]]:
    running = asyncio.create_task(serve(written, demo=demo))
    host, port = written.address
    try:
        async with asyncio.timeout(20), aiohttp.ClientSession() as http:
            while True:
                try:
                    async with http.get(f"http://{host}:{port}/healthz") as answer:
                        assert answer.status == 200
                        break
                except aiohttp.ClientError:
                    assert not running.done(), running.exception()
                    await asyncio.sleep(0.02)
        await asyncio.sleep(0)
        yield running
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def test_it_says_where_to_look_and_shows_passwords_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    written = config(tmp_path)
    async with serving(written):
        shown = await hears("desk page", capsys)
    assert f"http://{written.listen}/" in shown
    assert f"http://{written.listen}/desk" in shown
    assert all(name in shown for name in ("tuvan", "giamsat", "bientap"))
    async with serving(written):
        again = await hears("desk page", capsys)
    assert f"http://{written.listen}/desk" in again
    assert "tuvan" not in again


async def test_content_that_came_with_an_upgrade_is_said_by_serve_and_by_no_command_that_has_nothing_to_do_with_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    written = config(tmp_path)
    async with serving(written):
        assert "never published here" not in await hears("/desk", capsys)
    monkeypatch.setattr("bot.shipped.version", lambda folder=None: "e" * 64)
    async with serving(written):
        await hears("python -m bot flows publish", capsys)
    capsys.readouterr()
    async with open_service(written, demo=False) as service:  # what `staff add` does, for one
        assert (await service.looking.standing()).newer_content, "the status page knows"
    told = capsys.readouterr()
    assert told.out + told.err == ""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_stops_it_in_order(tmp_path: Path, capsys: pytest.CaptureFixture[str], number: int) -> None:
    written = config(tmp_path)
    async with serving(written) as running:
        os.kill(os.getpid(), number)
        async with asyncio.timeout(15):
            await running
    assert "nothing that was accepted is lost" in capsys.readouterr().out
    with hold_lock(written):
        pass


async def test_a_first_start_that_failed_has_made_nobody_whose_password_was_not_shown(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    written = config(tmp_path)
    with socket.socket() as holder:
        holder.bind(written.address)
        holder.listen()
        with pytest.raises(CannotListen):
            await serve(written, demo=True)
    async with serving(written):
        await hears("passwords are shown only now", capsys)  # given back


async def test_a_second_one_on_the_same_data_is_refused(tmp_path: Path) -> None:
    written = config(tmp_path)
    async with serving(written):
        with pytest.raises(AlreadyServing):
            await serve(config(tmp_path), demo=True)


async def test_a_port_in_use_is_said_in_words_and_gives_the_lock_back(tmp_path: Path) -> None:
    written = config(tmp_path)
    with socket.socket() as holder:
        holder.bind(written.address)
        holder.listen()
        with pytest.raises(CannotListen, match=str(written.address[1])):
            await serve(written, demo=True)
    with hold_lock(written):
        pass


async def hears(words: str, capsys: pytest.CaptureFixture[str]) -> str:
    """Everything it says until it has said this; it says it once it serves, which on a busy machine is a moment later."""
    said = ""
    async with asyncio.timeout(10):
        while words not in said:
            await asyncio.sleep(0.02)
            said += capsys.readouterr().out
    return said


async def test_without_anybody_who_can_answer_it_says_how_to_add_somebody(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async with serving(config(tmp_path), demo=False):
        assert "staff add" in await hears("desk page", capsys)


async def test_it_keeps_the_keys_twice_and_says_when_they_exist_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    written = config(tmp_path)
    async with serving(written):
        await hears("warning: the keys exist once, on this disk", capsys)
    second = tmp_path / "other-disk"
    written = written.model_copy(update={"keys_second": second})
    async with serving(written):
        await hears("Is the disk plugged in", capsys)
        await asyncio.sleep(0.1)
        assert not second.exists()
    copy_keys(written, None)
    (second / "copied.json").write_text("{}")
    async with serving(written):
        for _ in range(200):
            if looked_at(second) is not None:
                break
            await asyncio.sleep(0.02)
    assert newest(second) is not None
    assert lacking_secrets(written.var / "secrets", second) == []
    async with serving(written):
        await hears("on the same disk", capsys)


async def test_a_second_place_that_cannot_be_written_stops_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").touch()
    written = config(tmp_path).model_copy(update={"keys_second": tmp_path / "file" / "below"})
    async with serving(written) as running:
        await hears("second place of the keys", capsys)
        assert not running.done()
