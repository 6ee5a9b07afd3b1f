"""A publish finds people in the middle of a conversation: nobody is lost, nobody begins anew, no answer is misread."""

from __future__ import annotations

import json
import random
import re

from flows.effects import Chose, Failed, Said, Unsupported
from flows.library import Library
from flows.moving import Fate, migrate, now_at, tally
from flows.session import Session
from tests.unit.flows.small_set import HOME, OTHERS, SET, Talker, small_files, small_library


def library(home: str, moved: str, variables: str = SET) -> Library:
    phrases = small_files()["set.yaml"].decode().partition("phrases:\n")[2]
    declared = variables.replace("variables:\n", f"moved: {moved}\nvariables:\n")
    return small_library(set=declared + "phrases:\n" + phrases, home=home)


def renamed(text: str, **steps: str) -> str:
    for old, new in steps.items():
        text = re.sub(rf"(?<=goto: ){old}\b|(?<=next: ){old}\b|(?<=skip: ){old}\b|^  {old}(?=:)", lambda found, new=new: (
            f"  {new}" if found[0].startswith("  ") else new), text, flags=re.MULTILINE)  # fmt: skip
    return text


def talking(*texts: str, at: Library | None = None) -> Talker:
    talk = Talker(at or small_library(), "uid")
    talk.type(*texts)
    return talk


def test_a_session_stays_on_its_version_unless_the_new_one_names_its_place() -> None:
    talk = talking("chào")
    new = library(HOME.replace("Bạn cần gì?", "Bạn muốn gì?"), "{home.story: home.story}")
    migration = migrate(talk.session, talk.library, new)
    assert (migration.fate, migration.session, migration.before) == (Fate.STAYS, talk.session, "home.menu")
    assert migrate(talk.session, talk.library, talk.library).session is talk.session


def test_a_renamed_step_keeps_its_open_question_and_its_buttons() -> None:
    talk = talking("chào")
    button = talk.said[-1].buttons[0]
    new = library(renamed(HOME, menu="choice"), "{home.menu: home.choice}")
    migration = migrate(talk.session, talk.library, new)
    assert (migration.fate, migration.after, migration.dropped) == (Fate.MOVED, "home.choice", ())
    talk.library, talk.session = new, migration.session
    assert talk.give(Chose(button.data)) == ["Chuyện gì vậy, chính mình?"]


def test_another_question_is_put_anew_and_the_answer_to_the_old_one_is_not_taken_for_it() -> None:
    new = library(HOME.replace("me: {label: Tôi cần giúp, goto: story", "other2: {label: Ai đó, goto: story").replace(
        "save: about\n    choices:", "choices:"), "{home: home}")  # fmt: skip
    for given in (Said("1"), Unsupported()):
        talk = talking("chào")
        migration = migrate(talk.session, talk.library, new)
        assert migration.fate is Fate.ASKED_ANEW
        talk.library, talk.session = new, migration.session
        assert talk.give(given)[-1] == "Bạn cần gì?"
        assert talk.session.place() == "home.menu"
        assert "about" not in talk.session.variables


def test_an_old_button_after_such_a_move_is_stale() -> None:
    talk = talking("chào")
    button = talk.said[-1].buttons[0]
    new = library(renamed(HOME, menu="choice"), "{home.menu: home.nudge}")
    talk.session = migrate(talk.session, talk.library, new).session
    talk.library = new
    assert talk.give(Chose(button.data)) == ["stale_choice", "Bạn còn đó không?"]


def test_a_flow_as_target_means_its_start() -> None:
    talk = talking("chào", "1")
    new = library(HOME, "{home.story: after}")
    migration = migrate(talk.session, talk.library, new)
    assert (migration.fate, migration.after) == (Fate.ASKED_ANEW, "after.told")
    assert now_at({"a.b": "c.d", "c": "e"}, "a", "b") == "e.d"
    assert now_at({"a.b": "c.d", "c.d": "a.b"}, "a", "b") == "c.d"


def test_answers_that_the_new_version_cannot_hold_are_left_behind_by_name() -> None:
    talk = talking("chào", "1", "kể", "3")
    assert talk.session.variables["children"] == 3
    new = library(HOME, "{home: home}", SET.replace("max: 12", "max: 2"))
    migration = migrate(talk.session, talk.library, new)
    assert (migration.fate, migration.dropped) == (Fate.MOVED, ("children",))
    assert "children" not in migration.session.variables
    assert "kể" not in repr(migration)


def test_frames_below_must_fit_too() -> None:
    talk = talking("chào", "2", "gặp người")
    assert len(talk.session.frames) >= 2
    gone = library(HOME.replace("person: {call: talk, next: bye}", "person: {next: bye}"), "{talk: talk}")
    assert migrate(talk.session, talk.library, gone).fate is Fate.STAYS
    kept = library(renamed(HOME, person="someone"), "{talk: talk, home.person: home.someone}")
    assert migrate(talk.session, talk.library, kept).fate is Fate.MOVED


def test_a_session_that_is_over_or_waits_for_a_human_moves_too() -> None:
    new = library(HOME, "{home: home, talk: talk}")
    over = talking("chào", "dừng")
    assert migrate(over.session, over.library, new).session.version == new.version
    handed = talking("gặp người", "vâng")
    assert handed.session.status == "handed_over"
    assert migrate(handed.session, handed.library, new).session.place() == handed.session.place()


def test_a_thousand_conversations_survive_that_half_the_steps_are_renamed_or_gone() -> None:
    old = small_library()
    steps = ["menu", "children", "age", "place", "nudge"]
    names = {step: f"{step}_now" for step in steps}
    home = renamed(HOME, **names).replace("  story: {say", "  tale: {say").replace("goto: story", "goto: tale")
    new = library(home, "{" + ", ".join(f"home.{step}: home.{now}" for step, now in names.items()) + ", home: home}")
    dice = random.Random(7)
    texts = ("1", "2", "có", "không", "3", "15 tuổi", "bỏ qua", "quay lại", "mường than", "21:30", "cứu", "gặp người")
    results = []
    for number in range(1000):
        talk = talking("chào", *dice.choices(texts, k=dice.randrange(8)), at=old)
        migration = migrate(talk.session, old, new)
        results.append(migration)
        stored = Session.load(json.loads(json.dumps(migration.session.dump())))
        talk.session, talk.library = stored, (old if migration.fate is Fate.STAYS else new)
        before = talk.session.variables
        talk.give(Said(texts[number % len(texts)]))
        assert not any(isinstance(effect, Failed) for effect in talk.effects)
        assert talk.session.status != "ended" or talk.session.outcome != "failed"
        assert stored.status == "ended" or set(before) <= set(talk.session.variables)
    counts = tally(results)
    assert sum(counts[Fate.MOVED].values()) > 400
    assert set(counts[Fate.STAYS]) & {"home.story"}
    assert not set(counts[Fate.STAYS]) & {f"home.{step}" for step in steps}


def test_the_sets_of_these_tests_say_what_they_seem_to() -> None:
    assert "tale" not in HOME
    assert "person: {call: talk" in HOME
    assert "handover" in OTHERS["talk"]
