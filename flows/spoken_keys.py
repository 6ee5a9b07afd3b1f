"""The keys of content files as people say them, for telling an admin what has changed."""

from __future__ import annotations

from flows.source import Path

_NAMED = frozenset({"choices", "set", "shown", "variables", "phrases", "consents"})  # what stands below them is a name

_WORDS: dict[str, tuple[str, str]] = {
    "ask": ("câu hỏi", "question"),
    "call": ("gọi luồng", "calls"),
    "card": ("thẻ", "card"),
    "category": ("loại việc", "category"),
    "choices": ("lựa chọn", "choice"),
    "desk": ("bàn trực", "desk"),
    "do": ("việc nhờ máy chủ", "does"),
    "else": ("còn lại thì tới", "else to"),
    "end": ("kết thúc", "end"),
    "goto": ("dẫn tới", "leads to"),
    "handover": ("chuyển cho người", "handover"),
    "interrupts": ("từ chung dẫn tới luồng", "global words lead to"),
    "invalid": ("lời khi không hiểu", "text when unreadable"),
    "label": ("nhãn", "label"),
    "next": ("bước sau", "next"),
    "on_release": ("sau khi nói chuyện xong", "after the talk"),
    "phrases": ("câu của máy", "phrase"),
    "questions": ("hỏi thì dẫn tới luồng", "questions lead to"),
    "return": ("quay về", "return"),
    "save": ("lưu vào", "saved in"),
    "say": ("lời", "text"),
    "set": ("đặt", "sets"),
    "severity": ("mức độ", "severity"),
    "silence": ("khi im lặng", "silence"),
    "skip": ("bỏ qua thì tới", "skip to"),
    "tries": ("số lần hỏi lại", "tries"),
    "variables": ("biến", "variable"),
    "when": ("khi", "when"),
    "words": ("từ chung", "global words"),
}
"""Keys as people say them; every other key is shown as it is written."""


def in_words(path: Path) -> tuple[str, str]:
    """A path as people say it; names that authors gave (of choices, variables) are never translated."""
    words = [
        (str(part), str(part)) if above in _NAMED else _WORDS.get(str(part), (str(part), str(part)))
        for above, part in zip(("", *path), path, strict=False)
    ]
    return " ".join(one for one, _ in words), " ".join(english for _, english in words)
