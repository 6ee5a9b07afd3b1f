"""A session is a value: stored as JSON and read back as it was, and it shows nobody's words."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from flows.effects import Said
from flows.engine import advance
from flows.session import Again, Frame, Pending, Session, Stage, State, Status, UnreadableSession, Wait
from tests.unit.flows.small_set import NOW, Talker, small_library

FULL = Session(
    version="a" * 64,
    id="uid",
    status=Status.ASKING_HOST,
    frames=(
        Frame("home", "menu", State.OPEN, datetime(2026, 11, 23, 14, tzinfo=UTC)),
        Frame("talk", "person", State.HANDED),
    ),
    variables={
        "story": "chuyện",
        "children": 2,
        "hurt": False,
        "services": [{"name": "Trạm", "km": [1]}],
        "place.name": "xã A",
    },
    wait=Wait(Stage.PICK_PLACE, 7, 1, ("1", "2"), ("xã A", "xã B")),
    pending=Pending("FindServices", {"near": "1", "needs": ["medical"], "limit": 3}, 2),
    history=((Frame("home", "menu", State.OPEN),),),
    asks=7,
    passed=3,
    concern="pending",
    asked="law_asked",
    silence_due_at=datetime(2026, 11, 23, 13, 10, tzinfo=UTC),
    outcome="left",
    pressed="7.1",
    own_due_at=datetime(2026, 11, 23, 13, 20, tzinfo=UTC),
    heard_at=datetime(2026, 11, 23, 13, 0, tzinfo=UTC),
    language="en",
    again=Again(
        3, True, 7, datetime(2026, 11, 23, 12, 59, tzinfo=UTC), datetime(2026, 11, 23, 13, 1, tzinfo=UTC), NOW, True
    ),
)


def stored(session: Session) -> dict[str, Any]:
    read: dict[str, Any] = json.loads(json.dumps(session.dump()))
    return read


def test_every_field_survives_storing() -> None:
    assert Session.load(stored(FULL)) == FULL
    empty = Session(version="v")
    for field in Session.__slots__:
        assert getattr(FULL, field) != getattr(empty, field), f"the test session must fill {field}"


def test_new_session_has_not_begun() -> None:
    library = small_library()
    session = Session.new(library, "uid")
    assert (session.version, session.id, session.status, session.place()) == (library.version, "uid", "ended", "")
    assert Session.load(stored(session)) == session


def test_a_session_of_the_first_format_goes_on() -> None:
    old = {key: value for key, value in stored(FULL).items() if key not in ("own_due_at", "heard_at", "language")}
    old |= {"format": 1, "frames": [["home", "menu", "open"]]}
    read = Session.load(old)
    assert (read.own_due_at, read.heard_at) == (FULL.silence_due_at, None)
    assert read.frames == (Frame("home", "menu", State.OPEN),)
    assert Session.load(stored(read)) == read


def test_a_session_from_before_there_were_languages_goes_on() -> None:
    old = {key: value for key, value in stored(FULL).items() if key != "language"} | {"format": 2}
    assert Session.load(old) == FULL.evolve(language="")


def test_a_session_from_before_it_was_kept_what_she_was_told_goes_on() -> None:
    old = {key: value for key, value in stored(FULL).items() if key != "again"}
    assert Session.load(old) == FULL.evolve(again=Again())


def test_unknown_format_is_refused_in_words() -> None:
    with pytest.raises(UnreadableSession, match="newer program"):
        Session.load({**stored(FULL), "format": 4})


@pytest.mark.parametrize(
    "damage",
    [
        {"status": "sleeping"},
        {"frames": [["home"]]},
        {"frames": [["home", "menu", "nowhere"]]},
        {"variables": "bí mật"},
        {"wait": ["choices", "bí mật", 0, [], []]},
        {"pending": ["X"]},
        {"asks": None},
        {"silence_due_at": "bí mật"},
        {"again": [1, "bí mật"]},
    ],
)
def test_damaged_session_is_refused_without_quoting_it(damage: dict[str, Any]) -> None:
    with pytest.raises(UnreadableSession) as caught:
        Session.load({**stored(FULL), **damage})
    assert "bí mật" not in str(caught.value)
    assert caught.value.__suppress_context__
    for name in stored(FULL).keys() - {"again", "asked"}:
        lacking = {key: value for key, value in stored(FULL).items() if key != name}
        with pytest.raises(UnreadableSession):
            Session.load(lacking)


def test_printing_a_session_shows_no_answers() -> None:
    talk = Talker(small_library(), "uid")
    talk.type("chào", "1", "tên tôi là bí mật")
    sprint = advance(talk.library, talk.session, Said("quay lại"), NOW)
    assert talk.session.variables["story"] == "tên tôi là bí mật"
    assert "bí mật" not in repr(sprint.session)
    assert "chuyện" not in repr(FULL)
    assert "xã A" not in repr(FULL)
