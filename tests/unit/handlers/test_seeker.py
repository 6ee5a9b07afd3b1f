"""Her own page: what it shows after an exit, an erasure, a gap, a closed case, a code; and that no line is ever missed."""

from __future__ import annotations

from datetime import timedelta

from handlers import return_codes
from handlers.model import Address, MessageKind, OutboxKind, OutboxState
from handlers.outgoing import to_seeker
from handlers.seeker import OPENED, SeekerView
from tests.fakes.road import EMERGENCY, Road


def texts(view: SeekerView) -> list[str]:
    return [line.text for line in view.lines]


class Tab:
    """A page with script: it keeps what it was given and drops what it has shown already."""

    def __init__(self, road: Road, who: str) -> None:
        self.road, self.who = road, who
        self.after = 0
        self.lines: list[str] = []

    def looks(self) -> list[str]:
        """What is new."""
        before = len(self.lines)
        view = self.road.sees(self.who, self.after)
        for line in view.lines:
            if line.seq > self.after:
                self.after = line.seq
                self.lines.append(line.text)
        self.after = max(self.after, view.last_seq)
        return self.lines[before:]


def test_an_address_nobody_wrote_from_shows_nothing_and_makes_nothing(road: Road) -> None:
    assert road.sees("nobody", 7) == SeekerView(last_seq=7)
    assert road.select("SELECT count(*) AS n FROM contacts") == [{"n": 0}]


def test_reading_is_delivering_and_each_line_comes_once(road: Road) -> None:
    road.starts("a", "web")
    tab = Tab(road, "a")
    assert len(tab.looks()) == 3
    assert tab.looks() == []
    assert {row["state"] for row in road.rows()} == {OutboxState.SENT}
    assert OPENED not in tab.lines


def test_two_tabs_show_the_same(road: Road) -> None:
    road.starts("a", "web")
    one, two = Tab(road, "a"), Tab(road, "a")
    one.looks()
    road.types("a", "có", "web")
    two.looks()
    one.looks()
    assert one.lines == two.lines
    assert one.after == two.after
    assert len(set(one.lines)) == len(one.lines)


def test_who_says_what(road: Road) -> None:
    staff = road.hire("tuvan", alias="Hoa")
    road.types("a", EMERGENCY, "web")
    case = road.meets("a", staff, "web")
    road.says(staff, case, "Chị đây.")
    road.note(staff, case, "chỉ cho đồng nghiệp")
    view = road.sees("a")
    who = {line.text: line.who for line in view.lines}
    assert who[EMERGENCY] == "me"
    assert who["Chị đây."] == "person"
    assert set(who.values()) == {"me", "bot", "person"}
    assert "chỉ cho đồng nghiệp" not in who
    assert view.human


def test_after_the_exit_the_page_shows_nothing_older_and_nothing_is_cancelled(road: Road) -> None:
    road.hire("tuvan")
    road.types("a", EMERGENCY, "web")
    road.sees("a")
    case = road.case_of("a", "web")
    road.now += timedelta(seconds=1)
    road.leaves("a")
    assert road.sees("a").lines == ()
    assert road.escalation(case) is not None
    assert road.case(case).retracted_at is None


def test_the_exit_of_somebody_unknown_makes_nothing(road: Road) -> None:
    road.leaves("nobody")
    assert road.do(lambda uow: uow.contacts.find(Address("web", "nobody"))) is None


def test_who_goes_back_after_the_exit_reads_nothing_that_comes_later(road: Road) -> None:
    staff = road.hire("tuvan", alias="Hoa")
    road.types("a", EMERGENCY, "web")
    case = road.meets("a", staff, "web")
    road.sees("a")
    road.says(staff, case, "dòng chưa đọc")  # waits for the page to fetch it
    road.leaves("a")
    later = road.says(staff, case, "Em còn đó không?")
    assert later.held, "the counsellor sees that nobody reads"
    road.now += timedelta(minutes=1)
    assert road.sees("a") == SeekerView()
    road.types("a", "chào", "web")  # somebody else, at the page that was left
    seen = texts(road.sees("a"))
    assert seen[0] == "chào"
    assert not {"dòng chưa đọc", "Em còn đó không?", EMERGENCY} & set(seen)
    assert road.case_of("a", "web").uid != case.uid
    assert not road.sees("a").human


def test_her_code_alone_leads_back_to_a_stay_that_was_left_by_the_exit(road: Road) -> None:
    staff = road.hire("tuvan", alias="Hoa")
    road.types("a", EMERGENCY, "web")
    case = road.meets("a", staff, "web")
    code = road.do(lambda uow: return_codes.make(uow, uow.contacts.get(case.contact_uid)))
    road.leaves("a")
    road.says(staff, case, "Em còn đó không?")
    road.now += timedelta(minutes=5)
    road.sends("new", MessageKind.CODE, "web", text=code)
    assert "Em còn đó không?" in texts(road.sees("new"))
    assert road.sees("new").human


def test_what_she_sent_just_before_the_exit_is_handled(road: Road) -> None:
    staff = road.hire("tuvan")
    road.starts("a", "web")
    case = road.case_of("a", "web")
    road.accepts(road.message("a", MessageKind.TEXT, "web", text=EMERGENCY))
    road.leaves("a")
    road.settles()
    assert EMERGENCY in road.transcript(case)
    assert road.escalation(case) is not None
    assert [card.case_code for card in road.queue(staff).cards] == [case.code]
    assert road.sees("a") == SeekerView()


def test_leaving_twice_is_leaving_once_and_leaves_nothing_for_ever(road: Road) -> None:
    road.starts("a", "web")
    road.leaves("a")
    before = road.select("SELECT count(*) AS n FROM contacts")
    road.leaves("a")
    assert road.select("SELECT count(*) AS n FROM contacts") == before == [{"n": 2}]
    road.waits(days=31)
    assert road.select("SELECT count(*) AS n FROM contacts") == [{"n": 0}]


def test_after_erasing_only_the_farewell_is_left(road: Road) -> None:
    road.starts("a", "web")
    road.types("a", "em tên là không nói", "web")
    road.sees("a")
    road.now += timedelta(seconds=5)
    road.types("a", "xóa", "web")
    view = road.sees("a")
    assert view.over
    assert [line.who for line in view.lines if line.who == "bot"] == ["bot", "bot"]
    assert "em tên là không nói" not in texts(view)
    road.now += timedelta(seconds=5)
    road.types("a", "chào", "web")
    again = road.sees("a")
    assert not again.over
    assert again.lines[0].text == "chào"


def test_after_a_gap_the_page_begins_anew_and_its_cursor_goes_on(road: Road) -> None:
    road.starts("a", "web")
    tab = Tab(road, "a")
    greeting = tab.looks()
    road.now += timedelta(minutes=45)
    road.starts("a", "web")
    assert tab.looks() == greeting
    assert texts(road.sees("a")) == greeting


def test_a_page_left_open_for_days_shows_the_next_case(road: Road) -> None:
    """The case was closed meanwhile, so the lines of the next one are numbered from 1: the cursor must not swallow them."""
    road.starts("a", "web")
    tab = Tab(road, "a")
    greeting = tab.looks()
    for _ in range(6):
        road.types("a", "có", "web")
        tab.looks()
    road.waits(hours=25)
    assert road.case_of("a", "web").closed_at is not None
    road.starts("a", "web")
    assert tab.looks() == greeting


def test_a_case_closed_by_staff_and_the_next_one_are_one_page(road: Road) -> None:
    staff = road.hire("tuvan", alias="Hoa")
    road.types("a", EMERGENCY, "web")
    tab = Tab(road, "a")
    tab.looks()
    case = road.meets("a", staff, "web")
    road.says(staff, case, "Chị đây.")
    tab.looks()
    road.close_case(staff, case)
    tab.looks()
    road.now += timedelta(minutes=1)
    road.types("a", "cảm ơn chị", "web")
    assert tab.looks()[0] == "cảm ơn chị"
    assert road.case_of("a", "web").uid != case.uid
    assert texts(road.sees("a")) == tab.lines


def test_a_line_that_was_held_comes_after_what_the_page_has_shown_meanwhile(road: Road) -> None:
    staff = road.hire("tuvan", alias="Hoa")
    road.types("a", EMERGENCY, "web")
    case = road.meets("a", staff, "web")
    tab = Tab(road, "a")
    tab.looks()
    code = road.do(lambda uow: return_codes.make(uow, uow.contacts.get(case.contact_uid)))
    road.now += timedelta(minutes=40)
    road.says(staff, case, "Em còn đó không?")
    road.types("a", "chào", "web")
    assert "Em còn đó không?" not in tab.looks()
    road.now += timedelta(minutes=1)
    road.sends("a", MessageKind.CODE, "web", text=code)
    assert "Em còn đó không?" in tab.looks()
    assert tab.lines.count("Em còn đó không?") == 1


def test_a_code_moves_no_line_of_the_page_twice(road: Road) -> None:
    staff = road.hire("tuvan", alias="Hoa")
    road.types("old", EMERGENCY)
    case = road.meets("old", staff)
    for number in range(8):
        road.says(staff, case, f"dòng số {number}")
    code = road.do(lambda uow: return_codes.make(uow, uow.contacts.get(case.contact_uid)))
    road.now += timedelta(minutes=1)
    road.starts("new", "web")
    tab = Tab(road, "new")
    tab.looks()
    road.now += timedelta(seconds=30)
    road.sends("new", MessageKind.CODE, "web", text=code)
    assert road.worlds.say("welcome_back") in tab.looks()
    road.now += timedelta(seconds=30)
    road.says(staff, road.case(case), "Chị vẫn đây.")
    assert tab.looks() == ["Chị vẫn đây."]
    assert len(set(tab.lines)) == len(tab.lines)
    assert "dòng số 3" not in tab.lines


def test_numbers_fit_what_the_page_may_send_back(road: Road) -> None:
    road.starts("a", "web")
    assert all(0 < line.seq < 10**9 for line in road.sees("a").lines)


def test_a_message_still_being_handled_is_said_to_wait(road: Road) -> None:
    road.starts("a", "web")
    assert not road.sees("a").waiting
    road.accepts(road.message("a", MessageKind.TEXT, "web", text="có"))
    assert road.sees("a").waiting


def test_a_question_for_a_place_takes_a_location_on_every_look(road: Road) -> None:
    """Also after a reload: the page is drawn anew from the transcript alone."""
    road.types("a", "chào", "web")
    contact, case = road.find("a", "web"), road.case_of("a", "web")
    road.do(lambda uow: to_seeker(uow, contact, case, OutboxKind.BOT, "Bạn ở xã nào?", wants_location=True))
    assert road.sees("a").lines[-1].wants_location
    assert road.sees("a").lines[-1].wants_location
    assert not road.sees("a").lines[0].wants_location
