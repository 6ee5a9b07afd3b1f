"""The terminal chat: numbers press buttons, a line is sent until it is stored, and a trial touches no real channel."""

from __future__ import annotations

import io
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from bot import terminal
from bot.config import Config
from bot.terminal import NotInTheSet, Talk, Wish, chat


@pytest.fixture
def typed(monkeypatch: pytest.MonkeyPatch) -> Any:
    def types(*lines: str) -> None:
        monkeypatch.setattr("sys.stdin", io.StringIO("".join(f"{line}\n" for line in lines)))

    return types


def nowhere(tmp_path: Path, **written: Any) -> Config:
    """A configuration nobody serves."""
    return Config.model_validate({"var": tmp_path / "var", "listen": "127.0.0.1:1", **written})


async def test_a_talk_with_a_service_in_memory(tmp_path: Path, typed: Any, capsys: pytest.CaptureFixture[str]) -> None:
    typed("1", "cuu em voi, chong em dang cam dao duoi em")
    await chat(nowhere(tmp_path))
    shown = capsys.readouterr().out
    assert "nothing is kept" in shown
    assert "máy: Bình An đây. Bạn đang nhắn với máy" in shown
    assert "   1. Có" in shown
    assert "Công an: 113" in shown
    assert not (tmp_path / "var").exists()


async def test_a_trial_takes_no_message_of_a_real_channel(
    tmp_path: Path, typed: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = tmp_path / "token"
    token.write_text("1:x")
    channel = {"name": "tg", "platform": "telegram", "token": f"file:{token}", "base_url": "http://127.0.0.1:1"}
    seen: list[Any] = []
    honest = terminal.run_service

    async def watched(service: Any, *rest: Any) -> None:
        seen.append(set(service.channels))
        await honest(service, *rest)

    monkeypatch.setattr(terminal, "run_service", watched)
    typed()
    await chat(nowhere(tmp_path, channels=[channel], roster=tmp_path / "none.yaml"))
    assert seen == [{"web"}]


async def test_a_content_folder_can_be_tried(tmp_path: Path, typed: Any, capsys: pytest.CaptureFixture[str]) -> None:
    from bot.shipped import content_files

    for name, content in content_files().items():
        path = tmp_path / "content" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.replace("Bạn không cần nói tên.".encode(), "Câu của bản thử.".encode()))
    typed()
    await chat(nowhere(tmp_path), Wish(content=tmp_path / "content"))
    assert "Câu của bản thử." in capsys.readouterr().out


async def test_one_flow_can_be_tried_alone(tmp_path: Path, typed: Any, capsys: pytest.CaptureFixture[str]) -> None:
    typed("1")
    await chat(nowhere(tmp_path), Wish(flow="services"))
    shown = capsys.readouterr().out
    assert "trying flow services alone" in shown
    assert "Bạn đang cần tìm gì?" in shown
    assert "Bạn đang nhắn với máy" not in shown


async def test_a_language_can_be_chosen_from_outside(
    tmp_path: Path, typed: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    typed()
    await chat(nowhere(tmp_path), Wish(language="hmn"))
    assert "mình chưa nói được tiếng đó" in capsys.readouterr().out


@pytest.mark.parametrize("wish", [Wish(flow="nowhere"), Wish(language="xx")])
async def test_what_the_set_does_not_have_is_said_with_what_it_has(tmp_path: Path, wish: Wish) -> None:
    with pytest.raises(NotInTheSet, match=r"there are: .*(welcome|vi)"):
        await chat(nowhere(tmp_path), wish)


@pytest.fixture
async def answers() -> AsyncIterator[tuple[str, list[int], list[dict[str, Any]]]]:
    """A service that answers with the given statuses, then with success."""
    statuses: list[int] = []
    posted: list[dict[str, Any]] = []

    async def post(request: web.Request) -> web.Response:
        posted.append(dict(await request.post()))
        status = statuses.pop(0) if statuses else 200
        line = {"seq": 5, "who": "person", "text": "Chị đây.", "buttons": [], "wants_location": False}
        return web.json_response({"human": True, "over": False, "lines": [line]}, status=status)

    app = web.Application()
    app.router.add_post("/", post)
    async with TestServer(app) as server:
        yield f"http://127.0.0.1:{server.port}", statuses, posted


async def test_a_line_is_one_message_however_often_it_is_tried(answers: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    import aiohttp

    base, statuses, posted = answers
    monkeypatch.setattr(terminal, "RETRY_S", 0.01)
    statuses += [503, 503]
    async with aiohttp.ClientSession() as session:
        await Talk(base)._post(session, {"text": "em cần giúp"})
    assert len(posted) == 3
    assert len({one["mid"] for one in posted}) == 1


async def test_what_is_refused_for_good_is_said_and_not_tried_for_ever(
    answers: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    import aiohttp

    base, statuses, posted = answers
    statuses.append(413)
    async with aiohttp.ClientSession() as session:
        await Talk(base)._post(session, {"text": "dài" * 9})
    assert len(posted) == 1
    assert "413" in capsys.readouterr().out


def test_numbers_press_the_newest_buttons_and_anything_else_is_text() -> None:
    talk = Talk("http://x")
    assert talk._fields("1") == {"text": "1"}
    talk.buttons = [{"label": "Có", "data": "a.0"}, {"label": "Không", "data": "a.1"}]
    assert talk._fields(" 2 ") == {"choice": "a.1"}
    assert talk._fields("3") == {"text": "3"}
    assert talk._fields("không") == {"text": "không"}


def test_a_line_is_shown_once_and_says_who_wrote_it(capsys: pytest.CaptureFixture[str]) -> None:
    talk = Talk("http://x")
    lines = [
        {"seq": 1, "who": "me", "text": "em đây", "buttons": []},
        {"seq": 2, "who": "bot", "text": "Chào bạn.", "buttons": [{"label": "Có", "data": "a.0"}]},
        {"seq": 3, "who": "person", "text": "Chị đây.", "buttons": []},
    ]
    talk._show({"human": True, "lines": lines})
    talk._show({"human": True, "lines": lines})
    shown = capsys.readouterr().out
    assert shown.count("máy: Chào bạn.") == 1
    assert shown.count("người: Chị đây.") == 1
    assert "em đây" not in shown
    assert talk.human
