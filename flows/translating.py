"""Work for translators: the PO file of a language made or brought up to date, what is left to do, and what is to be recorded.

Nothing is ever translated by a machine here. A text that has changed keeps its old translation as *fuzzy*, which is never
shown; a text that is gone is taken out.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import SequenceMatcher

from babel import Locale, UnknownLocaleError
from babel.messages.catalog import Catalog as PoCatalog
from babel.messages.catalog import Message
from babel.messages.pofile import unescape, write_po

from flows import audio
from flows.catalogs import Key, read_messages
from flows.checks.channel import MAX_LABEL_CHARS
from flows.checks.texts import WrittenText, translatable
from flows.checks.translation import spoken
from flows.library import Library
from flows.phrases import PHRASES

_ALIKE = 0.5  # of `SequenceMatcher.ratio`: from here on a text is the old one changed, not another one

_QUOTED = re.compile(r'"(?:\\.|[^"\\])*"')

_HEADER = """\
# Bản dịch của bộ nội dung “{name}” sang {language}.
# Cập nhật: python -m bot flows translations THƯ_MỤC --update
# Không dịch bằng máy. Dịch xong, một người bản ngữ khác đọc lại. Dòng “#, fuzzy”: câu gốc đã đổi, đọc lại rồi bỏ dòng đó.
# Giữ nguyên những phần trong ngoặc nhọn như {{line.police}}."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a language is: texts of the set, and recordings of those that can be read out whole."""

    language: str
    name: str
    enabled: bool
    texts: int
    translated: int
    fuzzy: int
    recorded: int
    to_record: int

    @property
    def missing(self) -> int:
        """Texts without any translation."""
        return self.texts - self.translated - self.fuzzy


@dataclass(frozen=True, slots=True)
class ToRecord:
    """One text for the speaker: the file that her recording becomes, what is read, and whether it is there."""

    file: str
    text: str  # as written, or as translated where it is
    note: str
    recorded: bool


def update(library: Library, language: str, old: bytes | None = None) -> bytes:
    """The PO file of a language, with every text of the set in the order of the files; the same input gives the same bytes.

    `old` is the file as it is: its translations are kept, and its translators' comments. Raises PoFileError when it cannot
    be read (which keeps a set from loading, too).
    """
    before = read_messages(old) if old is not None else None
    made = PoCatalog(locale=_locale(language), charset="utf-8", fuzzy=False)
    declared = library.languages.get(language)
    name = declared.name if declared is not None else language
    made.header_comment = _HEADER.format(name=library.manifest.set, language=name)
    kept = {(message.context or "", str(message.id)): message for message in before or () if message.id}
    wanted = {_key(text) for text in translatable(library)}
    waiting = [key for key in kept if key not in wanted]
    for text in _once(library):
        key = _key(text)
        message = kept.get(key)
        string, fuzzy = "", False
        previous: tuple[str, ...] = ()
        if message is not None:
            string, fuzzy = str(message.string or ""), bool(message.fuzzy)
            previous = _previous(message)
        else:
            source = _changed_from(key, waiting)
            if source is not None:
                string, fuzzy, previous = str(kept[source].string or ""), True, (source[1],)
                message = kept[source]
        made.add(
            text.text,
            string,
            locations=[(text.file, 1)],
            flags=["fuzzy"] if fuzzy and string else [],
            auto_comments=[note(library, text)],
            user_comments=_comments(message) if message is not None else [],
            previous_id=previous if fuzzy and string else (),
            context=text.context,
        )
    return _written(made)


def progress(library: Library) -> list[Progress]:
    """How far every declared language is, the base language (which only is recorded) first."""
    keys = {_key(text) for text in translatable(library)}
    wanted = spoken(library)
    found: list[Progress] = []
    for code in library.program.languages:
        language, catalog = library.languages[code], library.catalogs.get(code)
        entries = [catalog.entries[key] for key in keys if key in catalog.entries] if catalog is not None else []
        filled = [entry for entry in entries if entry.text]
        fuzzy = sum(entry.fuzzy for entry in filled)
        base = code == library.manifest.language
        found.append(
            Progress(
                language=code,
                name=language.name,
                enabled=language.enabled or base,
                texts=len(keys),
                translated=len(keys) if base else len(filled) - fuzzy,
                fuzzy=fuzzy,
                recorded=sum((code, name) in library.recordings for name in wanted),
                to_record=len(wanted),
            )
        )
    return found


def recordings(library: Library, language: str) -> list[ToRecord]:
    """Everything to read out in a language, in the order of the files; choices are read out behind their question."""
    catalog = library.catalogs.get(language)
    found: list[ToRecord] = []
    for name, text in spoken(library).items():
        read = (catalog.text(text.context, text.text) if catalog is not None else None) or text.text
        labels = list(text.labels)
        if catalog is not None and labels:
            labels = _translated_labels(library, text, language)
        whole = "\n".join([read, *(f"{number}. {label}" for number, label in enumerate(labels, start=1))])
        there = (language, name) in library.recordings
        found.append(ToRecord(audio.file_of(language, name), whole, note(library, text), there))
    return found


def note(library: Library, text: WrittenText) -> str:
    """What a translator has to know about a text: what it is, how long it may be, and what its author says about it."""
    flow = library.flows.get(text.place.partition(".")[0])
    said: list[str] = [f"Luồng “{flow.title}”." if flow is not None else ""]
    if text.path[:1] == ("phrases",):
        said.append(PHRASES[str(text.path[1])].purpose)
    elif text.path[:1] == ("variables",):
        said.append("Một giá trị, đứng giữa câu.")
    elif text.path[-1:] == ("label",):
        said.append(f"Nhãn nút, nhiều nhất {MAX_LABEL_CHARS} chữ cái.")
    elif text.labels:
        said.append("Câu hỏi, các nút đứng dưới.")
    if text.begins:
        said.append("40 chữ cái đầu phải trung tính: màn hình khóa hiện ra.")
    step = flow.steps.get(text.step) if flow is not None else None
    if step is not None and step.note is not None:
        said.append(" ".join(step.note.split()))
    return " ".join(part for part in said if part)


def _translated_labels(library: Library, text: WrittenText, language: str) -> list[str]:
    catalog = library.catalogs[language]
    choices = library.flows[text.place.partition(".")[0]].steps[text.step].choices or {}
    found = [
        (catalog.text(f"{text.place}.choices.{one}", choice.label), choice.label) for one, choice in choices.items()
    ]
    return [translated or label for translated, label in found]


def _once(library: Library) -> Iterator[WrittenText]:
    """Every text once: one that stands twice at the same place of the talk is translated once."""
    seen: set[Key] = set()
    for text in translatable(library):
        if _key(text) not in seen:
            seen.add(_key(text))
            yield text


def _key(text: WrittenText) -> Key:
    return text.context, text.text


def _changed_from(key: Key, waiting: list[Key]) -> Key | None:
    """The text that stood at the same place, is gone now, and reads most like this one; None when none reads like it."""
    alike = [(SequenceMatcher(None, key[1], other[1]).ratio(), other) for other in waiting if other[0] == key[0]]
    ratio, found = max(alike, default=(0.0, None))
    if found is None or ratio < _ALIKE:
        return None
    waiting.remove(found)
    return found


def _comments(message: Message) -> list[str]:
    """What translators noted; Babel reads the lines of an earlier source (`#|`) as comments, and these are not theirs."""
    return [line for line in message.user_comments if not line.startswith("|")]


def _previous(message: Message) -> tuple[str, ...]:
    """The source that the translation was made of, as the file says it in its `#|` lines; () when it says none."""
    said = " ".join(line.removeprefix("|").strip() for line in message.user_comments if line.startswith("|"))
    parts = _QUOTED.findall(said)  # Babel wraps such a comment like a paragraph: a string may run over two lines
    return ("".join(unescape(part) for part in parts),) if parts else ()


def _locale(language: str) -> Locale | None:
    try:
        return Locale.parse(language)
    except (UnknownLocaleError, ValueError):
        return None  # the languages of the mountains are in no table


def _written(made: PoCatalog) -> bytes:
    """The file: nothing in it depends on the day or on the machine."""
    out = io.BytesIO()
    write_po(out, made, width=0, omit_header=True, include_previous=True, include_lineno=False)
    locale = str(made.locale) if made.locale is not None else ""
    header = (
        f"{made.header_comment}\n"
        'msgid ""\nmsgstr ""\n'
        '"MIME-Version: 1.0\\n"\n"Content-Type: text/plain; charset=UTF-8\\n"\n"Content-Transfer-Encoding: 8bit\\n"\n'
        + (f'"Language: {locale}\\n"\n' if locale else "")
    )
    return (header + "\n" + out.getvalue().decode("utf-8")).encode("utf-8")
