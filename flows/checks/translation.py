"""Other languages: is every text there in each language that the machine speaks, looked at, and recorded where few read?

A language that is not enabled yet may be as incomplete as it likes: `flows translations` reports how far it is.
"""

from __future__ import annotations

from collections.abc import Iterator

from flows import audio
from flows.checks.texts import SET_FILE, WrittenText, translatable
from flows.findings import Finding
from flows.graph import Graph
from flows.languages import Language
from flows.library import Library
from flows.manifest import Words


def check(library: Library, graph: Graph) -> Iterator[Finding]:
    """Findings about translations, recordings and words of each enabled language."""
    if not library.languages:
        return
    yield from _choosing(library)
    yield from _unused_recordings(library)
    written = list(translatable(library))
    base = library.manifest.language
    for code, language in library.languages.items():
        if code == base:
            if language.audio_first:
                yield from _recordings(library, language)
        elif language.enabled:
            yield from _texts(library, language, written)
            yield from _words(library, language)
            if language.audio_first:
                yield from _recordings(library, language)


def unfinished(library: Library) -> set[str]:
    """The languages that the machine speaks and in which texts are missing."""
    written = list(translatable(library))
    return {
        code
        for code, language in library.languages.items()
        if code != library.manifest.language and language.enabled and any(_texts(library, language, written))
    }


def _choosing(library: Library) -> Iterator[Finding]:
    """Somebody who does not read the base language can only find another one by its own word."""
    manifest = library.manifest
    if manifest.language not in library.languages:
        yield library.finding_in(
            SET_FILE,
            ("language",),
            "no-base-language",
            f"thiếu tệp languages/{manifest.language}.yaml: tiếng của bộ này cũng phải có tên để chọn lại",
            f"languages/{manifest.language}.yaml is missing: the set's own language needs a name to be chosen, too",
        )
    if len(library.languages) > 1 and (manifest.interrupts.language is None or not manifest.words.language):
        yield library.finding_in(
            SET_FILE,
            ("interrupts",),
            "no-way-to-language",
            "bộ này có nhiều tiếng: ghi luồng chọn tiếng ở interrupts: language, và từ gọi nó ở words: language",
            "the set has several languages: name the flow to choose one at interrupts: language, its words at words: language",
        )


def _texts(library: Library, language: Language, written: list[WrittenText]) -> Iterator[Finding]:
    catalog = library.catalogs.get(language.language)
    option = f"--add {language.language}" if catalog is None else "--update"
    told: set[tuple[str, str]] = set()
    for text in written:
        key = (text.context, text.text)
        entry = catalog.entries.get(key) if catalog is not None else None
        if key in told or (entry is not None and entry.text and not entry.fuzzy):
            continue
        told.add(key)
        if catalog is not None and entry is not None and entry.fuzzy:
            yield library.finding_in(
                catalog.source.file,
                key,
                "stale-translation",
                f"bản dịch này ghi fuzzy: đọc lại với câu gốc rồi bỏ dòng “#, fuzzy” ({language.language})",
                f"this translation is marked fuzzy: compare it with its source, then remove '#, fuzzy' ({language.language})",
            )
            continue
        yield library.finding_in(
            text.file,
            text.path,
            "missing-translation",
            f"câu này chưa có bản dịch {language.name} ({language.language}); lấy câu vào tệp dịch: "
            f"python -m bot flows translations THƯ-MỤC {option}, rồi dịch trong languages/{language.language}.po",
            f"this text has no translation into {language.name} ({language.language}); bring it into the translators' file: "
            f"python -m bot flows translations FOLDER {option}, then translate it in languages/{language.language}.po",
        )


def _words(library: Library, language: Language) -> Iterator[Finding]:
    """Whoever chose a language must be able to call for help in it."""
    file = f"languages/{language.language}.yaml"
    for meaning in Words.model_fields:
        if not getattr(language.words, meaning):
            yield library.finding_in(
                file,
                ("words",),
                "missing-words",
                f"tiếng này chưa có từ nào cho “{meaning}”; người ta gõ gì thì viết thêm ở words",
                f"this language has no word for '{meaning}'; add at 'words' what people type",
            )
    if language.first_contact is None:
        yield library.finding_in(
            file,
            ("language",),
            "missing-words",
            "thiếu “first_contact”: những từ mà lượt đầu tiên phải nói bằng tiếng này",
            "'first_contact' is missing: the words that the first answer must contain in this language",
        )
    for key in ("yes", "no"):
        if not getattr(language, key):
            message, message_en = f"tiếng này chưa có từ nào cho “{key}”", f"this language has no word for '{key}'"
            yield library.finding_in(file, (key,), "missing-words", message, message_en)


def _recordings(library: Library, language: Language) -> Iterator[Finding]:
    code = language.language
    for name, text in spoken(library).items():
        if (code, name) not in library.recordings:
            file = audio.file_of(code, name)
            yield library.finding_in(
                text.file,
                text.path,
                "missing-audio",
                f"thiếu bản ghi âm {file}; lời đọc: python -m bot flows translations THƯ-MỤC --recordings {code}",
                f"the recording {file} is missing; what to read: python -m bot flows translations FOLDER --recordings {code}",
            )


def _unused_recordings(library: Library) -> Iterator[Finding]:
    """A recording of a text that has changed would never be heard: record it anew, or take it away."""
    wanted = spoken(library)
    for (code, name), recording in library.recordings.items():
        if name not in wanted or code not in library.languages:
            yield library.finding_in(
                recording.file,
                (),
                "stale-audio",
                "không còn câu nào như bản ghi âm này: câu đã đổi thì ghi lại, bỏ câu thì xóa tệp",
                "no text is like this recording any more: record the changed text anew, or remove the file",
            )


def spoken(library: Library) -> dict[str, WrittenText]:
    """Every text that can be read out whole, by the name of its recording: lines of steps and phrases without variables."""
    found: dict[str, WrittenText] = {}
    for text in translatable(library):
        if not text.begins or any(not name.startswith("line.") for name in text.placeholders()):
            continue
        found.setdefault(audio.name_of(text.context, text.text, text.labels), text)
    return found
