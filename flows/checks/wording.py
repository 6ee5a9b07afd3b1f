"""What a text gives away: words somebody must not read on a locked screen, and numbers written out by hand."""

from __future__ import annotations

import re
import unicodedata
from functools import cache
from pathlib import Path

PREVIEW_CHARS = 40
"""Characters of a message that a locked screen may show (invariant 6 of the design)."""

_TONES = "\u0300\u0301\u0303\u0309\u0323"  # grave, acute, tilde, hook above, dot below
_WORD = re.compile(r"[^\W\d_]+(?:-[^\W\d_]+)*")

# A run of digits as people write numbers to call: blanks, dots, dashes or brackets may stand between the digits.
_RUN = re.compile(r"\+?\d(?:[ .\-\u2010-\u2015()\u00a0/]*\d)*")
_UNIT_AFTER = re.compile(
    r"\s*(?:giờ|tiếng|phút|giây|ngày|tuần|tháng|năm|tuổi|lần|chữ|ký tự|kí tự|km|mét|%|đồng|nghìn|triệu|hours?|minutes?|"
    r"days?|weeks?|months?|years?|times|characters|met(?:re|er)s?)(?!\w)",
    re.IGNORECASE,
)
_YEAR_BEFORE = re.compile(r"(?:năm|tháng|ngày|in|since|year)\s*$", re.IGNORECASE)
_RANGE = re.compile(r"\d{1,2}\s*[-\u2010-\u2015]\s*\d{1,2}")
# 110 to 119 are numbers to call here, whatever word follows ("gọi 113 ngày đêm").
_SHORT_NUMBER = re.compile(r"(?<!\d)11\d(?!\d)")
_DATE = re.compile(r"\d{1,2}[/.-]\d{1,2}(?:[/.-](?:19|20)\d\d)?|\d{1,2}[/.-](?:19|20)\d\d|24/24|24/7")
_DIGIT_WORDS = ["không", "một", "hai", "ba", "bốn", "năm", "sáu", "bảy", "tám", "chín"]
_ENGLISH_DIGITS = ["zero", "oh", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]
_SPELLED = re.compile(
    "|".join(
        rf"\b(?:{digits})(?:[ ,.-]+(?:{digits})){{2,}}\b"
        for digits in ("|".join(_DIGIT_WORDS), "|".join(_ENGLISH_DIGITS))
    ),
    re.IGNORECASE,
)


def _key(word: str) -> str:
    """One spelling for one word: lower case, composed, the tone after the syllable (hoà and hòa are one word)."""
    parts = unicodedata.normalize("NFD", word.lower())
    tones = "".join(mark for mark in parts if mark in _TONES)
    return unicodedata.normalize("NFC", "".join(mark for mark in parts if mark not in _TONES)) + tones


def _words(text: str) -> str:
    """The words of a text with one blank around each, so that a phrase matches whole words only."""
    visible = "".join(mark for mark in unicodedata.normalize("NFC", text) if unicodedata.category(mark) != "Cf")
    return f" {' '.join(_key(word) for word in _WORD.findall(visible))} "


@cache
def sensitive_words() -> tuple[tuple[str, str], ...]:
    """All forms of the word list as (form to match, word to show), longest first. Raises ValueError when empty."""
    lines = Path(__file__).with_name("sensitive_words.txt").read_text(encoding="utf-8").splitlines()
    found: list[tuple[str, str]] = []
    for line in lines:
        shown, _, plain = line.partition("|")
        if line.startswith("#") or not shown.strip():
            continue
        found += [(_words(form), shown.strip()) for form in (shown, *plain.split(",")) if form.strip()]
    if not found:
        raise ValueError("sensitive_words.txt holds no word: without it no preview can be checked")
    return tuple(sorted(found, key=lambda pair: (-len(pair[0]), pair[0])))


def preview(text: str) -> str:
    """The part a locked screen may show: the first `PREVIEW_CHARS` characters, line breaks read as blanks."""
    shown = " ".join(unicodedata.normalize("NFC", text).split())
    if len(shown) <= PREVIEW_CHARS:
        return shown
    # A word cut by the limit is still read: complete it.
    rest = _WORD.match(shown, PREVIEW_CHARS) if shown[PREVIEW_CHARS - 1].isalpha() else None
    return shown[: rest.end() if rest else PREVIEW_CHARS]


def sensitive_in(text: str) -> str | None:
    """The first sensitive word (as the list shows it) that the preview of this text gives away; None when neutral."""
    words = _words(preview(text))
    return next((shown for form, shown in sensitive_words() if form in words), None)


def written_numbers(text: str) -> list[str]:
    """Digits in this text that look like a number to call; hours, ages, years, dates and ranges are not meant."""
    visible = "".join(mark for mark in unicodedata.normalize("NFKC", text) if unicodedata.category(mark) != "Cf")
    found = [run.group() for run in _RUN.finditer(visible) if _looks_callable(run)]
    return found + [run.group() for run in _SPELLED.finditer(visible) if not _is_count(run.group())]


def _looks_callable(match: re.Match[str]) -> bool:
    run, before, after = match.group(), match.string[: match.start()], match.string[match.end() :]
    if _SHORT_NUMBER.search(run):
        return True
    if sum(mark.isdigit() for mark in run) < 3 or _RANGE.fullmatch(run) or _DATE.fullmatch(run):
        return False
    plain = "".join(mark for mark in run if mark.isdigit())
    if run[0] in "+0" or plain.startswith(("1900", "1800")) or len(plain) > 6:
        return True
    if _UNIT_AFTER.match(after):
        return False
    is_year = re.fullmatch(r"(?:19|20)\d\d", run) is not None
    return not (is_year and (_YEAR_BEFORE.search(before) is not None or not run.startswith("19")))


def _is_count(run: str) -> bool:
    """'hai ba năm' counts years: a last 'năm' is a unit there, so at least three more digits must stand before it."""
    words = re.split(r"[ ,.-]+", run.lower())
    return words[-1] == "năm" and len(words) < 4
