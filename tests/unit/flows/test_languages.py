"""Other languages: what she reads, what she may type, what staff read, and what is never shown."""

from __future__ import annotations

from hashlib import sha256

import pytest

from flows.effects import FindServices, Remember
from flows.library import Library
from flows.loader import version_of
from flows.moving import migrate
from flows.session import Session
from flows.severity import Severity
from tests.unit.flows.small_set import Talker, at_question
from tests.unit.flows.two_tongues import MP3, TEXTS, library_of, recording_of, tongue_files, tongue_library


@pytest.fixture(scope="module")
def library() -> Library:
    return tongue_library()


def in_english(library: Library) -> Talker:
    talk = at_question(library)
    talk.type("English")
    return talk


def test_a_language_is_chosen_by_button_and_the_open_question_comes_again_in_it(library: Library) -> None:
    talk = at_question(library)
    assert talk.type("tiếng khác") == ["Tiếng nào?"]
    assert talk.labels == ["Tiếng Việt", "English", "Tiếng Mông", "skip"]
    assert talk.press("English") == ["Dòng một.", "What do you need?"]  # what is not translated stays readable
    assert talk.labels == ["I need help", "Somebody else"]
    assert {say.language for say in talk.said} == {"en"}
    assert talk.place == "home.menu"


@pytest.mark.parametrize("typed", ["English", "english", "tiếng anh", "tieng anh"])
def test_whoever_names_a_language_is_not_asked_which(library: Library, typed: str) -> None:
    talk = at_question(library)
    assert talk.type(typed)[-1] == "What do you need?"
    assert talk.session.language == "en"
    assert "tongue.ask" in talk.visited


def test_a_short_name_that_means_something_else_is_no_global_word(library: Library) -> None:
    talk = at_question(library)
    talk.type("mông")
    assert talk.place == "home.menu"
    assert talk.session.language == ""
    talk.type("tongues")
    assert talk.type("mông")[0] == "Chưa nói được Tiếng Mông."


def test_a_language_the_machine_does_not_speak_is_remembered_as_a_need(library: Library) -> None:
    talk = at_question(library, "tiếng khác")
    talk.press("Tiếng Mông")
    assert talk.of(Remember) == [Remember("spoken", "hmn", "Muốn nói tiếng", "Tiếng Mông")]
    assert talk.session.language == ""
    assert talk.session.variables["speaks"] is False


def test_and_back_again(library: Library) -> None:
    talk = in_english(library)
    assert talk.type("Tiếng Việt")[-1] == "Bạn cần gì?"
    assert talk.session.language == ""


@pytest.mark.parametrize("typed", ["I need help", "i need helpp", "1", "Tôi cần giúp", "toi can giup", "me"])
def test_answers_are_taken_in_her_language_and_in_the_written_one(library: Library, typed: str) -> None:
    talk = in_english(library)
    talk.type(typed)
    assert talk.place == "home.story"


def test_what_she_reads_is_translated_and_what_staff_read_is_not(library: Library) -> None:
    talk = in_english(library)
    assert talk.press("I need help") == ["What happened, yourself?"]
    assert talk.of(Remember) == [Remember("about", "me", "Ai cần giúp", "chính mình")]
    assert talk.type("he hit me", "2") == ["Are you hurt?"]
    assert talk.labels == ["Aye", "Nay"]
    talk.type("aye")
    assert talk.of(Remember) == [Remember("hurt", True, "Bị thương", "yes")]


def test_global_words_of_every_language_count_in_every_language(library: Library) -> None:
    talk = at_question(library)
    assert talk.type("help me please")[0].startswith("Bạn xem giúp")
    talk = in_english(library)
    assert talk.type("cứu với")[0] == "Please have a look. 113"
    talk = in_english(library)
    talk.type("be quiet")
    assert talk.session.status == "ended"


def test_the_language_stays_when_a_stay_ends_and_a_new_session_begins_without(library: Library) -> None:
    talk = in_english(library)
    talk.type("be quiet")
    assert talk.type("hi")[0] == "Hello. This is a machine."
    assert Session.new(library).language == ""


def test_services_are_asked_for_in_her_language(library: Library) -> None:
    talk = in_english(library)
    talk.press("Somebody else")
    assert talk.questions[0] == FindServices("", ("medical",), 2, "en")


def test_what_is_marked_fuzzy_is_never_shown() -> None:
    files = tongue_files()
    files["languages/en.po"] = files["languages/en.po"].replace(
        b'msgctxt "home.menu.say"', b'#, fuzzy\nmsgctxt "home.menu.say"'
    )
    talk = in_english(library_of(files))
    assert [say.text for say in talk.said][-1] == "Bạn cần gì?"


def test_a_changed_source_never_shows_the_old_translation() -> None:
    files = tongue_files()
    files["flows/home.yaml"] = files["flows/home.yaml"].replace("Bạn cần gì?".encode(), "Bạn muốn gì?".encode())
    talk = in_english(library_of(files))
    assert [say.text for say in talk.said][-1] == "Bạn muốn gì?"


def test_a_recording_comes_with_its_line_in_its_language_only() -> None:
    files = tongue_files()
    file = recording_of(library_of(files), "en", "home.menu.say")  # of the first of the two lines
    library = library_of(files | {file: MP3})
    talk = at_question(library)
    assert [say.audio for say in talk.said] == ["", "", ""]
    talk.type("English")
    assert [(say.text, say.audio) for say in talk.said] == [
        ("Dòng một.", sha256(MP3).hexdigest()),
        ("What do you need?", ""),
    ]


def test_a_set_with_pointers_instead_of_recordings_is_the_same_version() -> None:
    files = tongue_files()
    file = recording_of(library_of(files), "en", "home.menu.say")
    whole = files | {file: MP3}
    stored = files | {file: b"sha256:" + sha256(MP3).hexdigest().encode() + b" " + str(len(MP3)).encode()}
    assert version_of(whole) == version_of(stored) != version_of(files)
    assert library_of(whole).recordings == library_of(stored).recordings


def test_an_old_session_speaks_the_language_of_the_set(library: Library) -> None:
    talk = in_english(library)
    stored = talk.session.dump()
    del stored["language"]
    old = Session.load({**stored, "format": 2})
    assert old.language == ""


def test_moving_keeps_the_language(library: Library) -> None:
    files = tongue_files()
    files["set.yaml"] = files["set.yaml"].replace(b"entry: home\n", b"entry: home\nmoved: {home: home}\n")
    talk = in_english(library)
    moved = migrate(talk.session, library, library_of(files))
    assert moved.session.language == "en"


def test_every_text_of_the_set_can_be_reached_by_its_key(library: Library) -> None:
    assert set(TEXTS) == set(library.catalogs["en"].entries)
    assert [entry for entry in library.catalogs["en"].entries.values() if entry.fuzzy] == []


def test_danger_breaks_in_with_the_card_in_her_language(library: Library) -> None:
    talk = in_english(library)
    assert talk.type("chồng cầm dao", danger=Severity.EMERGENCY) == ["Please have a look. 113"]
