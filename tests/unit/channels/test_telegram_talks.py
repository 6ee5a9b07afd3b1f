"""What a topic shows of a talk: few messages in order, files behind their lines, and nothing held up for long."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from bot.channels.telegram_talks import AT_THE_DESK, FILE_WITHIN, HERE, MOST, NOT_OPENED, _File, _parts, _ready
from handlers.model import DeskLine, Direction, Media, MediaKind, MediaState

NOW = datetime(2026, 11, 23, 2, 0, tzinfo=UTC)


def line(seq: int, text: str, state: MediaState | None = None, attempts: int = 0, **more: Any) -> DeskLine:
    media = None
    if state is not None:
        media = Media(
            uid=f"m{seq}", case_uid="c", seq=seq, kind=MediaKind.IMAGE, channel="tg", state=state, attempts=attempts,
            created_at=NOW,
        )  # fmt: skip
    given: dict[str, Any] = {"direction": Direction.IN, "author": "seeker", "created_at": NOW, **more}
    return DeskLine(seq=seq, text=text, media=media, **given)


def test_a_line_waits_for_its_file_but_not_for_one_that_failed_once_nor_for_long() -> None:
    talk = [line(1, "a"), line(2, "b", MediaState.WANTED), line(3, "cứu em")]
    assert [one.seq for one in _ready(talk, NOW)] == [1]
    assert [one.seq for one in _ready(talk, NOW + FILE_WITHIN)] == [1, 2, 3]
    talk[1] = line(2, "b", MediaState.WANTED, attempts=1)
    assert [one.seq for one in _ready(talk, NOW + timedelta(seconds=1))] == [1, 2, 3]


def test_lines_together_are_one_message_and_a_file_stands_behind_its_own() -> None:
    talk = [
        line(1, "a"),
        line(2, "b", MediaState.KEPT),
        line(3, "c"),
        line(4, "d", client_key=f"{HERE}1"),
        line(5, "e"),
    ]
    first, file, last = _parts(talk)
    assert isinstance(first, str)
    assert first.endswith("b")
    assert isinstance(file, _File)
    assert file.media.uid == "m2"
    assert isinstance(last, str)
    assert ("c" in last, "e" in last, "d" in last) == (True, True, False), (
        "what was written here is not said here again"
    )


def test_why_a_file_is_not_there_is_said_with_its_line() -> None:
    (both,) = _parts([line(1, "a", MediaState.REFUSED), line(2, "b", MediaState.WANTED)])
    assert isinstance(both, str)
    assert both.index(NOT_OPENED) < both.index(AT_THE_DESK)


def test_what_follows_changes_nothing_of_what_was_shown() -> None:
    talk = [line(seq, "x" * 300, MediaState.KEPT if seq % 3 == 0 else None) for seq in range(1, 20)]
    for end in range(1, len(talk)):
        shown, more = _parts(talk[:end]), _parts(talk)
        assert shown[:-1] == more[: len(shown) - 1]
        assert all(len(one) <= MOST for one in more if isinstance(one, str))
