"""The small set with a second language: English words, some texts in English, one recording."""

from __future__ import annotations

from flows import audio, translating
from flows.catalogs import Key
from flows.library import Library
from flows.loader import load
from tests.unit.flows.small_set import SET, small_files

TONGUE = """\
flow: tongue
title: Chọn tiếng
start: ask
steps:
  ask: {say: Tiếng nào?, ask: {type: language, skip: done}, save: spoken, next: speak}
  speak: {do: speak, with: {language: spoken}, save: speaks, next: [{when: {speaks: yes}, goto: done}, {else: sorry}]}
  sorry: {say: "Chưa nói được {spoken}.", next: done}
  done: {return: true}
"""

ENGLISH = """\
language: en
name: English
called: [tiếng anh]
enabled: yes
first_contact: {machine: machine, safe: safe}
"yes": [aye]
"no": [nay]
words: {help: [help me please], stop: [be quiet], delete: [wipe it], human: [a person], language: [tongues],
  back: [go back], repeat: [say again]}
"""

TEXTS: dict[Key, str] = {
    ("home.hello.say", "Chào bạn. Đây là máy."): "Hello. This is a machine.",
    ("home.menu.say", "Bạn cần gì?"): "What do you need?",
    ("home.menu.choices.me", "Tôi cần giúp"): "I need help",
    ("home.menu.choices.other", "Người khác"): "Somebody else",
    ("home.story.say", "Chuyện gì vậy, {about}?"): "What happened, {about}?",
    ("home.hurt.say", "Bạn có bị thương không?"): "Are you hurt?",
    ("variables.about.shown.me", "chính mình"): "yourself",
    ("phrases.yes", "yes"): "Aye",
    ("phrases.no", "no"): "Nay",
    ("phrases.choose_again", "choose_again"): "Please choose again.",
    ("card.show.say", "Bạn xem giúp nhé. {line.police}"): "Please have a look. {line.police}",
    ("home.nudge.choices.here", "Còn"): "Still here",
}


def tongue_files(texts: dict[Key, str] = TEXTS, **flows: str) -> dict[str, bytes]:
    """The files of the set in Vietnamese and English, and with Mông known but not spoken."""
    phrases = small_files()["set.yaml"].decode().partition("phrases:\n")[2]
    written = SET.replace("released: after}", "released: after, language: tongue}").replace(
        "  repeat: [nhắc lại]\n", "  repeat: [nhắc lại]\n  language: [tiếng khác]\n"
    )
    variables = "  spoken: {type: language, label: Muốn nói tiếng}\n  speaks: {type: flag}\nphrases:\n"
    files = small_files(set=written + variables + phrases, tongue=TONGUE, **flows)
    files["languages/vi.yaml"] = "language: vi\nname: Tiếng Việt\n".encode()
    files["languages/en.yaml"] = ENGLISH.encode()
    files["languages/hmn.yaml"] = "language: hmn\nname: Tiếng Mông\ncalled: [mông]\naudio_first: yes\n".encode()
    files["languages/en.po"] = po(texts)
    return files


def tongue_library(texts: dict[Key, str] = TEXTS, **flows: str) -> Library:
    """The set, loaded."""
    return library_of(tongue_files(texts, **flows))


def library_of(files: dict[str, bytes]) -> Library:
    """A set, loaded."""
    loaded = load(files)
    assert loaded.library is not None, "\n".join(map(str, loaded.findings))
    return loaded.library


def po(texts: dict[Key, str]) -> bytes:
    """A PO file with these translations."""
    return "\n".join(
        f"msgctxt {quoted(context)}\nmsgid {quoted(text)}\nmsgstr {quoted(translated)}\n"
        for (context, text), translated in texts.items()
    ).encode()


def quoted(text: str) -> str:
    """A text as a PO file writes it."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


def recording_of(library: Library, language: str, context: str) -> str:
    """The file of the recording of the first text said at a place."""
    return next(
        one.file
        for one in translating.recordings(library, language)
        if one.file.startswith(f"audio/{language}/{context}")
    )


MP3 = b"ID3" + bytes(61)
assert audio.problem(MP3) is None
