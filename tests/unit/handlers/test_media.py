"""Pictures and voice notes: fetched where an operator wants it and a human is called, read by her alone, gone with the talk."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest

from handlers.desk import ReadMedia, SeenMedia
from handlers.errors import NoSuchCase, NotYours
from handlers.media import MOST_A_CASE, TRIES, Fetched, settle
from handlers.model import Attachment, Case, Media, MediaKind, MediaState, MessageKind, Role, Staff
from tests.fakes.road import EMERGENCY, Road

SOURCE = "canary-file-id"
PICTURE = Attachment(MediaKind.IMAGE, SOURCE)


@pytest.fixture
def road() -> Iterator[Road]:
    road = Road(keeps_media=True)
    yield road
    road.close()


@pytest.fixture
def hoa(road: Road) -> Staff:
    return road.hire("tuvan", alias="Hoa")


def shows(road: Road, who: str = "a", *, text: str = "", attachment: Attachment = PICTURE) -> Case:
    road.sends(who, MessageKind.UNSUPPORTED, text=text, attachment=attachment)
    return road.case_of(who)


def media_of(road: Road, case: Case) -> list[Media]:
    return road.do(lambda uow: uow.media.of_case(case.uid))


def due(road: Road) -> list[Media]:
    return road.do(lambda uow: uow.media.due(10))


def fetched(road: Road, body: bytes = b"jpeg", mime: str = "image/jpeg") -> Media:
    (media,) = due(road)
    assert road.run(settle, Fetched(uid=media.uid, body=body, mime=mime)) is MediaState.KEPT
    return media


def read(road: Road, staff: Staff, case: Case, uid: str) -> SeenMedia:
    return road.run(road.desk.read_media, ReadMedia(staff_uid=staff.uid, case_code=case.code, media_uid=uid))


def test_while_nobody_is_called_it_is_not_fetched(road: Road, hoa: Staff) -> None:
    road.starts("a")
    case = shows(road)
    assert media_of(road, case) == []
    assert road.transcript(case)[-1] != ""
    assert any("▸ gửi ảnh" in text for text in road.transcript(case))


def test_where_the_operator_does_not_want_it_not_even_its_address_is_stored() -> None:
    road = Road()
    road.hire("tuvan")
    road.types("a", EMERGENCY)
    road.accepts(road.message("a", MessageKind.UNSUPPORTED, attachment=PICTURE))
    uid = road.find("a").uid
    stored = road.do(lambda uow: uow.inbox.oldest([uid]))[uid]
    assert stored.message.attachment == Attachment(MediaKind.IMAGE, "")
    road.settles()
    assert media_of(road, road.case_of("a")) == []
    road.close()


def test_for_whoever_is_called_it_is_fetched_and_shown(road: Road, hoa: Staff) -> None:
    road.types("a", EMERGENCY)
    case = shows(road)
    (media,) = due(road)
    assert (media.kind, media.source, media.channel) == (MediaKind.IMAGE, SOURCE, "tg")
    road.claim(hoa, case)
    line = next(one for one in road.look(hoa, case).lines if one.media is not None)
    assert (line.text, line.media.state) == ("▸ gửi ảnh", MediaState.WANTED)
    assert read(road, hoa, case, media.uid) == SeenMedia(state=MediaState.WANTED)
    fetched(road)
    assert read(road, hoa, case, media.uid) == SeenMedia(state=MediaState.KEPT, mime="image/jpeg", body=b"jpeg")
    assert road.audit().count("case.media_read") == 1, "a look at nothing is no look"
    assert due(road) == []
    assert road.select("SELECT source_sealed FROM media")[0]["source_sealed"] is None


def test_danger_in_the_words_beside_it_calls_somebody_and_it_is_fetched(road: Road, hoa: Staff) -> None:
    road.starts("a")
    case = shows(road, text=EMERGENCY)
    assert [one.seq for one in media_of(road, case)] != []


def test_only_whoever_holds_the_talk_sees_it(road: Road, hoa: Staff) -> None:
    lan, chief = road.hire("lan"), road.hire("quan", Role.SUPERVISOR)
    road.types("a", EMERGENCY)
    case = shows(road)
    media = fetched(road)
    for somebody in (hoa, lan, chief):
        with pytest.raises(NotYours):
            read(road, somebody, case, media.uid)
    road.claim(hoa, case)
    assert read(road, hoa, case, media.uid).body == b"jpeg"
    with pytest.raises(NotYours):
        read(road, lan, case, media.uid)
    assert all(one.media is None for one in road.look(chief, case, reason="xem lại").lines)


def test_a_picture_of_one_talk_is_not_seen_through_another(road: Road, hoa: Staff) -> None:
    road.types("a", EMERGENCY)
    shows(road)
    media = fetched(road)
    road.types("b", EMERGENCY)
    other = road.case_of("b")
    road.claim(hoa, other)
    for uid in (media.uid, "nobody"):
        with pytest.raises(NoSuchCase):
            read(road, hoa, other, uid)


def test_what_cannot_be_fetched_is_tried_again_and_given_up(road: Road, hoa: Staff) -> None:
    road.types("a", EMERGENCY)
    case = shows(road)
    for tries in range(1, TRIES + 1):
        (media,) = due(road)
        state = road.run(settle, Fetched(uid=media.uid, again=True))
        assert state is (MediaState.WANTED if tries < TRIES else MediaState.REFUSED)
        assert due(road) == []
        road.now += timedelta(minutes=5)
    (given_up,) = media_of(road, case)
    assert (given_up.state, given_up.source) == (MediaState.REFUSED, "")


def test_what_is_refused_is_never_asked_for_again(road: Road, hoa: Staff) -> None:
    road.types("a", EMERGENCY)
    shows(road)
    (media,) = due(road)
    assert road.run(settle, Fetched(uid=media.uid)) is MediaState.REFUSED
    assert road.run(settle, Fetched(uid=media.uid, body=b"late", mime="image/jpeg")) is MediaState.REFUSED
    assert road.run(settle, Fetched(uid="nobody", again=True)) is None


def test_a_flood_of_pictures_ends(road: Road, hoa: Staff) -> None:
    road.types("a", EMERGENCY)
    for _ in range(MOST_A_CASE + 5):
        case = shows(road)
    assert len(media_of(road, case)) == MOST_A_CASE


def test_it_is_destroyed_with_the_talk(road: Road, hoa: Staff) -> None:
    road.types("a", EMERGENCY)
    case = shows(road)
    media = fetched(road)
    road.do(lambda uow: uow.cases.destroy(case.uid))
    assert road.do(lambda uow: uow.media.get(media.uid)) is None
    assert road.select("SELECT count(*) AS n FROM media") == [{"n": 0}]


def test_what_comes_after_the_talk_is_destroyed_is_dropped(road: Road, hoa: Staff) -> None:
    road.types("a", EMERGENCY)
    case = shows(road)
    (media,) = due(road)
    road.do(lambda uow: uow.cases.destroy(case.uid))
    assert road.run(settle, Fetched(uid=media.uid, body=b"late", mime="image/jpeg")) is None
