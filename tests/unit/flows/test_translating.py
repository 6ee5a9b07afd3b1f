"""The translators' files: complete, stable, never guessed, and honest about what is left to do."""

from __future__ import annotations

import re

from flows import translating
from flows.catalogs import parse_po
from flows.library import Library
from flows.translating import update
from tests.unit.flows.two_tongues import MP3, TEXTS, library_of, recording_of, tongue_files, tongue_library


def updated(library: Library, old: bytes | None = None) -> str:
    return update(library, "en", old).decode()


def test_every_text_a_seeker_may_read_is_in_the_file_with_a_note() -> None:
    library = tongue_library()
    made = parse_po("en.po", "en", update(library, "en"))
    silent = {"turning"}
    places = {context.partition(".")[0] for context, _ in made.entries}
    assert places == {*library.flows, "phrases", "variables"} - silent
    assert ("home.menu.choices.other", "Người khác") in made.entries
    assert ("variables.about.shown.me", "chính mình") in made.entries
    assert all(not entry.text and not entry.fuzzy for entry in made.entries.values())
    blocks = updated(library).strip().split("\n\n")[1:]
    assert len(blocks) == len(made.entries)
    assert all(block.startswith("#. ") for block in blocks)
    assert "Nhãn nút" in "".join(blocks)
    assert "Bị thương" not in "".join(blocks)  # what only staff read is not translated


def test_what_an_author_notes_reaches_the_translator() -> None:
    files = tongue_files()
    files["flows/home.yaml"] = files["flows/home.yaml"].replace(
        b"  many: {say:", "  many: {note: Chỉ đếm các con., say:".encode()
    )
    assert "Chỉ đếm các con." in updated(library_of(files)).replace("\n#.", "")


def test_the_same_set_and_file_give_the_same_bytes_and_keep_every_translation() -> None:
    library = tongue_library()
    once = update(library, "en", tongue_files()["languages/en.po"])
    assert update(library, "en", once) == once
    kept = {key: entry.text for key, entry in parse_po("en.po", "en", once).entries.items() if entry.text}
    assert kept == TEXTS


def test_a_changed_text_keeps_its_old_translation_as_fuzzy_with_the_old_source() -> None:
    files = tongue_files()
    files["flows/home.yaml"] = files["flows/home.yaml"].replace("Bạn cần gì?".encode(), "Bạn muốn gì?".encode())
    text = updated(library_of(files), files["languages/en.po"])
    block = next(block for block in text.split("\n\n") if 'msgid "Bạn muốn gì?"' in block)
    assert "#, fuzzy" in block
    assert '#| msgid "Bạn cần gì?"' in block
    assert 'msgstr "What do you need?"' in block
    assert "Bạn cần gì?" not in text.replace('#| msgid "Bạn cần gì?"', "")


def test_the_old_source_stays_until_somebody_has_looked_and_leaves_nothing_behind() -> None:
    files = tongue_files()
    old = "Bạn cần gì? Câu này dài hơn một dòng, để dòng chú thích phải xuống hàng ở giữa câu, và có “ngoặc” nữa."
    files["flows/home.yaml"] = files["flows/home.yaml"].replace("Bạn cần gì?".encode(), old.encode())
    files["languages/en.po"] = files["languages/en.po"].replace("Bạn cần gì?".encode(), old.encode())
    files["flows/home.yaml"] = files["flows/home.yaml"].replace("Bạn cần gì?".encode(), "Bạn đang cần gì?".encode())
    library = library_of(files)
    once = update(library, "en", files["languages/en.po"])
    assert update(library, "en", once) == once, "still fuzzy: said the same way again"
    assert b"\n# |" not in once
    looked = re.sub(rb"#, fuzzy\n", b"", once)  # the translator takes one line away and forgets the other
    assert b"\n#|" in looked
    after = update(library, "en", looked)
    assert b"#|" not in after
    assert b"# |" not in after


def test_a_text_that_is_gone_is_taken_out_and_a_moved_one_keeps_its_translation() -> None:
    files = tongue_files()
    files["flows/home.yaml"] = files["flows/home.yaml"].replace(
        "say: [Dòng một., Bạn cần gì?]".encode(), "say: [Bạn cần gì?, Dòng một.]".encode()
    )
    entries = parse_po("en.po", "en", update(library_of(files), "en", files["languages/en.po"])).entries
    assert entries["home.menu.say", "Bạn cần gì?"].text == "What do you need?"
    assert not entries["home.menu.say", "Bạn cần gì?"].fuzzy
    files["flows/home.yaml"] = files["flows/home.yaml"].replace(
        "[Bạn cần gì?, Dòng một.]".encode(), "Dòng một.".encode()
    )
    assert "What do you need?" not in updated(library_of(files), files["languages/en.po"])


def test_what_a_translator_wrote_beside_an_entry_stays() -> None:
    old = b'# asked the women of the club\nmsgctxt "phrases.yes"\nmsgid "yes"\nmsgstr "Aye"\n'
    assert "# asked the women of the club" in updated(tongue_library(), old)


def test_progress_counts_what_is_there_and_what_is_not() -> None:
    files = tongue_files()
    files["languages/en.po"] = files["languages/en.po"].replace(
        b'msgctxt "phrases.no"', b'#, fuzzy\nmsgctxt "phrases.no"'
    )
    file = recording_of(library_of(files), "hmn", "home.menu.say")
    base, english, mong = translating.progress(library_of(files | {file: MP3}))
    assert (base.language, base.translated, base.missing, base.enabled) == ("vi", base.texts, 0, True)
    assert (english.translated, english.fuzzy) == (len(TEXTS) - 1, 1)
    assert english.missing == english.texts - len(TEXTS)
    assert (mong.enabled, mong.translated, mong.recorded) == (False, 0, 1)
    assert mong.to_record == len(translating.recordings(library_of(files), "hmn"))


def test_the_studio_gets_file_text_and_note_with_the_choices_read_behind() -> None:
    library = tongue_library()
    listed = {one.file: one for one in translating.recordings(library, "en")}
    menu = next(one for one in listed.values() if one.text.startswith("What do you need?"))
    assert menu.text == "What do you need?\n1. I need help\n2. Somebody else"
    assert menu.file.startswith("audio/en/home.menu.say-")
    assert not any("home.story" in file for file in listed), "a text with an answer in it cannot be read out whole"
    assert not any("phrases.yes" in file for file in listed), "a label is read out behind its question"
    assert any("card.show.say" in file for file in listed), "the numbers are read out"
