"""Typed answers as people write them: yes and no, numbers, ages, times of day, codes.

Each reader gives the value, or None when it cannot be sure; then she is asked again. Guessing is worse: a wrong hour for a
late answer can put a message on a screen somebody else is looking at.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from flows.courtesy import part
from flows.schema import AGE_BANDS
from flows.text import Key, Phrasebook, key_of

_YES = (
    "có", "ừ", "ừm", "um", "uh", "uhm", "uk", "uhuh", "ờ", "vâng", "vâng ạ", "dạ", "dạ vâng", "đúng", "đúng rồi",
    "đúng vậy",
    "phải", "phải rồi", "phải đó", "rồi", "được", "đồng ý", "ok", "oke", "okie", "okay", "oki", "y", "yes", "co",
    "c", "chuẩn",
    "có chứ", "muốn", "cho", "ừa", "ừ ừ", "uh uh", "uhu", "vg", "vang", "dạ có", "dạ rồi", "dạ được", "đc", "dc",
    "đk", "okela", "okla", "okelah",
)  # fmt: skip
_NO = (
    "không", "ko", "k", "kh", "kg", "hk", "khong", "hông", "hong", "hem", "khum", "không phải", "ko phải", "k phải",
    "không có", "ko có", "k có", "không muốn", "ko muốn", "chưa", "thôi", "no", "n", "sai", "sai rồi", "không đúng",
    "ko đúng", "đừng", "nope", "hok", "hok có", "hok phải", "hổng", "hổng có", "hông có", "khum có", "kh có",
    "kg có", "chưa có", "ko ko", "không không",
)  # fmt: skip
_YES_NO: Phrasebook[bool] = Phrasebook([(word, True) for word in _YES] + [(word, False) for word in _NO])

_POLITE_FIRST = ("da ", "thua ", "vang ")
_POLITE_LAST = (" a", " nhe", " nha", " nhi", " oi", " em", " chi", " co", " bac", " ban")

_DIGITS = {
    "khong": 0,
    "mot": 1,
    "hai": 2,
    "ba": 3,
    "bon": 4,
    "tu": 4,
    "nam": 5,
    "lam": 5,
    "sau": 6,
    "bay": 7,
    "tam": 8,
    "chin": 9,
}
_SPELLED = ("một", "hai", "ba", "bốn", "năm", "sáu", "bảy", "tám", "chín")
_SPELLED_OPTION: Phrasebook[int] = Phrasebook(
    [
        ("một", 1),
        ("hai", 2),
        ("bốn", 4),
    ]  # nothing else is spelled like these; *ba* is a father, *nam* a man, *sau* later
    + [
        (f"{lead} {word}", number)
        for lead in ("câu", "dòng", "mục", "chọn")
        for number, word in enumerate(_SPELLED, start=1)
    ]
)
_BEFORE_NUMBER = ("em", "toi", "minh", "chau", "con", "da", "vang", "chac", "la", "chon")
_AFTER_NUMBER = ("a", "nhe", "nha", "di", "em", "chi", "ban", "please")
_NUMBER = re.compile(r"\d{1,9}")
_UNDER_A_YEAR = re.compile(r"\b(so sinh|\d{1,2} ?thang(?: tuoi)?|moi sinh|moi de)\b")
_AGE_FROM = re.compile(r"^(?:tren|hon|ngoai|qua) (\d{1,3})")
_AGE_UNDER = re.compile(r"^(?:duoi|chua den|chua toi|chua) (\d{1,3})")

_CLOCK = re.compile(r"(?<!\d)(\d{1,2})\s*(?:[:.]|(?:gio|g|h)(?![a-z]))\s*(\d{1,2}(?!\d)|ruoi|kem\s*\d{1,2})?")
_HALF = re.compile(r"(?<!\d)(\d{1,2})\s*(ruoi)\b")
_PART_NAMES = "sang|trua|chieu|toi|dem|khuya|am|pm|morning|noon|afternoon|evening|tonight|night"
_PART_OF_DAY = re.compile(rf"\b({_PART_NAMES})\b|(?<=\d)(am|pm|sa|ch)\b")
_DOTTED = re.compile(r"\b([ap])\. ?m\b\.?", re.IGNORECASE)  # "9 p.m."
# Without a clock sign an hour counts only when nothing but its part of the day stands with it: "8 tối", "9 in the evening".
_BARE_HOUR = re.compile(
    rf"(?:tomorrow |tonight )?(?:(?:at|by|until|till) )?(\d{{1,2}})(?: ?o ?clock)?(?: in the| at)? ?(?:{_PART_NAMES})"
    r"(?: tomorrow| please)?"
)
_PARTS: dict[str, dict[int, int]] = {
    "sang": {**{hour: hour for hour in range(1, 12)}, 12: 0, 0: 0},
    "trua": {10: 10, 11: 11, 12: 12, 1: 13, 2: 14},
    "chieu": {**{hour: hour + 12 for hour in range(1, 8)}, 12: 12},
    "toi": {**{hour: hour + 12 for hour in range(5, 12)}, 12: 0},
    "dem": {**{hour: hour + 12 for hour in range(7, 12)}, 12: 0, 0: 0, **{hour: hour for hour in range(1, 6)}},
    "am": {**{hour: hour for hour in range(1, 12)}, 12: 0, 0: 0},
    "pm": {**{hour: hour + 12 for hour in range(1, 12)}, 12: 12},
}
_PARTS |= {"khuya": _PARTS["dem"], "sa": _PARTS["am"], "ch": _PARTS["pm"]}
_PARTS |= {"morning": _PARTS["am"], "noon": {12: 12}, "afternoon": _PARTS["chieu"], "evening": _PARTS["toi"]}
_PARTS |= {"night": _PARTS["dem"], "tonight": _PARTS["toi"]}
_MIDNIGHT, _NOON = ("nua dem", "12 dem", "midnight", "at midnight", "until midnight"), ("noon", "at noon", "until noon")


def yes_no_book(yes: Iterable[str] = (), no: Iterable[str] = ()) -> Phrasebook[bool]:
    """What means yes or no: the Vietnamese answers, and those of other languages after them."""
    more = [(word, True) for word in yes] + [(word, False) for word in no]
    return Phrasebook([(word, True) for word in _YES] + [(word, False) for word in _NO] + more)


def yes_or_no(key: Key, book: Phrasebook[bool] | None = None) -> bool | None:
    """Is the whole message a yes or a no, politeness left aside? ("Dạ có ạ", "k", "vâng", "ko phải".)

    `book`: what means yes or no, where a set speaks several languages (`yes_no_book`).
    """
    book = book or _YES_NO
    answer = book.find_only(key)
    if answer is not None:
        return answer
    plain = key.folded
    for first in _POLITE_FIRST:
        plain = plain.removeprefix(first)
    for last in _POLITE_LAST:
        plain = plain.removesuffix(last)
    return None if plain == key.folded else book.find_only(_tail(key, plain))


def _tail(key: Key, plain: str) -> Key:
    """The part of a key whose folded words are `plain`, with its accents."""
    start = (" " + key.folded + " ").index(" " + plain + " ") if plain else 0
    words_before = key.folded[:start].count(" ")
    words = plain.count(" ") + 1 if plain else 0
    return Key(plain, key.tones[words_before : words_before + words], key.shapes[start : start + len(plain)])


def option_number(key: Key, options: int) -> int | None:
    """The index (from 0) of a choice named by its number: "2", "2.", "số 2 ạ", "em chọn câu 2", "câu hai", "một", "number 2".

    Letters that may say something else are no number: without its accents "số hai" is "sợ hãi" too.
    """
    said = key
    while (shorter := _without_courtesy(said)) is not None:
        said = shorter
    first, _, rest = said.folded.partition(" ")
    if rest.isdecimal() and first in ("so", "cau", "chon", "y", "dong", "muc", "cai", "number", "option", "line"):
        said = part(said, 1, 2)
    digits = said.folded.isdecimal() and len(said.folded) <= 2
    number = int(said.folded) if digits else _SPELLED_OPTION.find(said) or 0
    return number - 1 if 1 <= number <= options else None


def _without_courtesy(key: Key) -> Key | None:
    """One word less of those that may stand around a number; None when there is none."""
    words = key.folded.split()
    if len(words) < 2:
        return None
    if words[-1] in _AFTER_NUMBER:
        return part(key, 0, len(words) - 1)
    if words[0] in _BEFORE_NUMBER and (len(words) > 2 or words[-1].isdecimal()):
        return part(key, 1, len(words))
    return None


def number(key: Key, least: int, most: int) -> int | None:
    """The one whole number of an answer, when it lies in `least`..`most`: "2", "hai đứa", "có 3 con", "không có"."""
    found = {int(digits) for digits in _NUMBER.findall(key.folded)}
    if not found:
        spelled = _spelled(key)
        found = set() if spelled is None else {spelled}
    if len(found) != 1:
        return None
    (value,) = found
    return value if least <= value <= most else None


def _spelled(key: Key) -> int | None:
    """A number from 0 to 99 in words, with anything behind it: "hai", "mười lăm tuổi", "hai mươi mốt"."""
    words = key.folded.split()
    if words[:1] == ["co"]:
        words = words[1:]
    if not words or words[0] not in (*_DIGITS, "muoi", "chuc"):
        return None
    if words[0] == "muoi":
        return 10 + (_DIGITS.get(words[1], 0) if len(words) > 1 else 0)
    first = _DIGITS.get(words[0], 0)
    if len(words) > 1 and words[1] in ("muoi", "chuc") and first > 1:
        return 10 * first + (_DIGITS.get(words[2], 0) if len(words) > 2 else 0)
    return first


def age_band(key: Key) -> str | None:
    """The age band of an answer: "15 tuổi", "15t", "mười lăm", "8 tháng", "trên 60", "dưới 6 tuổi".

    Two ages in different bands are no answer; "dưới 18" is none either, as it spans several.
    """
    text = key.folded
    if _UNDER_A_YEAR.search(text):
        return "age_0_5"
    above, under = _AGE_FROM.match(text), _AGE_UNDER.match(text)
    if above is not None:
        return "age_60" if 59 <= int(above[1]) <= 120 else None
    if under is not None:
        return "age_0_5" if int(under[1]) <= 6 else None
    ages = {int(digits) for digits in _NUMBER.findall(text)}
    if not ages:
        spelled = _spelled(key)
        ages = set() if spelled is None or text.split()[0] == "khong" else {spelled}
    bands = {_band_of(age) for age in ages}
    return bands.pop() if len(bands) == 1 else None


def _band_of(age: int) -> str | None:
    return next((band for band, (least, most) in AGE_BANDS.items() if least <= age <= most), None)


def time_of_day(text: str) -> str | None:
    """A time of day as "HH:MM": "21:30", "21h", "9h tối", "9 giờ rưỡi tối", "10h kém 15 đêm", "nửa đêm", "9 in the evening".

    A bare hour from 1 to 12 ("9h") could be morning or evening and is no answer; "09:00" is.
    """
    text = _DOTTED.sub(r"\1m", text[:100])
    folded = _with_clock_signs(text)
    whole = key_of(text).folded
    if whole in _MIDNIGHT or whole in _NOON:
        return "00:00" if whole in _MIDNIGHT else "12:00"
    found = _CLOCK.search(folded) or _HALF.search(folded)
    part = _PART_OF_DAY.search(folded)
    named = (part[1] or part[2]) if part else ""
    if found is None:
        bare = _BARE_HOUR.fullmatch(" ".join(folded.split()))
        if bare is None:
            return None
        return _clock(int(bare[1]), 0, named, leading_zero=False)
    if _CLOCK.search(folded, found.end()):
        return None  # two times: "từ 8h đến 9h"
    hour, minutes = int(found[1]), (found[2] or "0").strip()
    if minutes.startswith("kem"):
        before = int(minutes.removeprefix("kem").strip())
        return _before(hour, before, named)
    return _clock(hour, 30 if minutes == "ruoi" else int(minutes), named, leading_zero=found[1].startswith("0"))


def _with_clock_signs(text: str) -> str:
    """Fold a short text, keeping the signs a clock is written with."""
    pieces = re.split(r"([:.])", text[:100])
    return "".join(piece if piece in (":", ".") else _padded(piece) for piece in pieces)


def _padded(piece: str) -> str:
    folded = key_of(piece).folded
    front = " " if piece[:1].isspace() else ""
    return front + folded + (" " if piece[-1:].isspace() and folded else "")


def _clock(hour: int, minute: int, part: str, *, leading_zero: bool) -> str | None:
    if hour > 23 or minute > 59:
        return None
    if part and hour <= 12:
        named = _PARTS[part].get(hour)
        return None if named is None else f"{named:02d}:{minute:02d}"
    if 1 <= hour <= 12 and not leading_zero:
        return None
    return f"{hour:02d}:{minute:02d}"


def _before(hour: int, minutes: int, part: str) -> str | None:
    """So many minutes before an hour: "10h kém 15 tối" is 21:45."""
    full = _clock(hour, 0, part, leading_zero=False)
    if full is None or not 1 <= minutes <= 59:
        return None
    total = (int(full[:2]) * 60 - minutes) % (24 * 60)
    return f"{total // 60:02d}:{total % 60:02d}"


def return_code(answer: str) -> str | None:
    """A typed return code, spaces evened out, when it has the size of one (4 to 60 letters and digits); else None.

    Whether it is a real one only the host can tell.
    """
    code = " ".join(answer.split())
    letters = sum(1 for character in code if character.isalnum())
    return code if 4 <= letters <= 60 and len(code) <= 90 else None
