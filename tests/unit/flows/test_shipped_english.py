"""English as it is shipped: complete and in its place, heard when somebody calls for help, and never mistaking an answer."""

from __future__ import annotations

from pathlib import Path

import pytest

from flows.answers import yes_or_no
from flows.library import Library
from flows.loader import load, read_dir
from flows.text import key_of
from flows.translating import progress, update

SHIPPED = Path(__file__).resolve().parents[3] / "flows" / "content"


@pytest.fixture(scope="module")
def shipped() -> Library:
    loaded = load(read_dir(SHIPPED))
    assert loaded.library is not None
    return loaded.library


def meaning(library: Library, typed: str) -> str | None:
    return library.program.words.find(key_of(typed))


def test_every_text_is_translated_and_the_file_is_as_the_update_writes_it(shipped: Library) -> None:
    (english,) = (one for one in progress(shipped) if one.language == "en")
    assert english.enabled
    assert (english.missing, english.fuzzy) == (0, 0)
    written = (SHIPPED / "languages" / "en.po").read_bytes()
    assert update(shipped, "en", written) == written


@pytest.mark.parametrize(
    ("word", "texts"),
    [
        ("help", ["HELP!!!", "help me pls", "plz help", "hepl", "pls help me", "i need help", "Im in danger", "I’m in danger",
                  "call the police", "ambulance", "someone help me", "emergency"]),
        ("stop", ["stop", "Stop it!", "please stop", "bye", "dont text me", "don't write to me", "wrong number"]),
        ("delete", ["delete", "DELETE EVERYTHING", "erase this", "delete my messages", "clear chat"]),
        ("human", ["person", "real person", "talk to someone", "can i talk to a person", "I need to talk to someone",
                   "counselor"]),
        ("language", ["change language", "English", "english please", "Do you speak English?", "i dont speak vietnamese",
                      "Tiếng Việt"]),
        ("back", ["go back"]),
        ("repeat", ["say that again", "repeat"]),
    ],
)  # fmt: skip
def test_words_of_safety_are_heard_as_frightened_people_type_them(
    shipped: Library, word: str, texts: list[str]
) -> None:
    assert {text: meaning(shipped, text) for text in texts} == dict.fromkeys(texts, word)


@pytest.mark.parametrize(
    "text",
    ["ok", "fine", "enough", "please", "thanks", "sorry", "wait", "not sure", "i dont know", "maybe", "nothing", "he stopped",
     "i want to leave him", "end this", "leave", "close", "today", "me", "someone else", "skip", "done", "continue", "no more"],
)  # fmt: skip
def test_ordinary_answers_are_no_words_of_safety(shipped: Library, text: str) -> None:
    assert meaning(shipped, text) is None


@pytest.mark.parametrize(
    ("text", "answer"),
    [("yeah", True), ("yes please", True), ("I do", True), ("that’s right", True), ("nope", False), ("not yet", False),
     ("no thanks", False), ("i'm not", False), ("i dont want to", False), ("maybe", None), ("not sure", None),
     ("i don't know", None), ("no idea", None), ("yes and no", None)],
)  # fmt: skip
def test_yes_and_no_in_english(shipped: Library, text: str, answer: bool | None) -> None:
    assert yes_or_no(key_of(text), shipped.program.yes_no) is answer


def test_no_english_button_is_a_word_that_leads_elsewhere(shipped: Library) -> None:
    """Typing what stands on a button must do what the button does: words of safety are tried before the answers."""
    catalog = shipped.catalogs["en"]
    leading_away = []
    for flow_name, flow in shipped.flows.items():
        for step_name, step in flow.steps.items():
            for choice_id, choice in (step.choices or {}).items():
                place = f"{flow_name}.{step_name}.choices.{choice_id}"
                label = catalog.text(place, choice.label) or ""
                if meaning(shipped, label) not in (None, meaning(shipped, choice.label)):
                    leading_away.append(place)
    assert leading_away == []
