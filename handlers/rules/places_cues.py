"""What the words before a name say about it: "xã", "ở", "chị", "đường" … Words only, so that a reader can argue with them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum

from handlers.rules.places_text import INITIALS, Token, word_set


class Cue(IntEnum):
    """How strongly the words around a name say that a place is meant."""

    NONE = 0
    FOLK = 1  # người, dân
    MOTION = 2  # về, lên, gần, "lấy chồng" …
    NEAR = 3  # "nhà em", "quê tôi"
    PLACE = 4  # ở, tại, "công an", "trạm y tế"
    WHOLE = 5  # the message says nothing else
    UNIT = 6  # xã, phường, huyện, bản …


class Company(IntEnum):
    """What else may stand before a name and turn it into something else."""

    NONE = 0
    PERSON = 1  # chị Hồng Thu
    STREET = 2  # đường Lê Lợi, hợp tác xã Đoàn Kết
    DENIAL = 3  # không phải Mường Kim
    TITLE = 4  # ông Trung Đồng: somebody else, while "em Nậm Chà" may say where she is from


@dataclass(frozen=True, slots=True)
class Before:
    """The words before a name, understood."""

    cue: Cue
    unit: str = ""  # the type of unit named: xã, phường, thị trấn, huyện, thành phố, tỉnh, bản
    company: Company = Company.NONE
    old: bool = False  # "xã cũ …"
    bare_unit: bool = False  # the unit word has no marks where it should have ("ban": bản, bạn, bán)


_UNITS = {
    "xã": "xã", "xa": "xã", "x": "xã", "phường": "phường", "phuong": "phường", "p": "phường", "huyện": "huyện",
    "huyen": "huyện", "h": "huyện", "tỉnh": "tỉnh", "tinh": "tỉnh", "tp": "thành phố", "tx": "thành phố",
    "tt": "thị trấn", "bản": "bản", "ban": "bản", "thôn": "bản", "thon": "bản", "xóm": "bản", "xom": "bản", "tdp": "bản",
    "ttr": "thị trấn", "f": "phường", "ph": "phường",
}  # fmt: skip
_UNITS_OF_TWO = {
    "thi tran": "thị trấn", "thanh pho": "thành phố", "thi xa": "thành phố", "dan pho": "bản", "to dan": "bản",
    "t t": "thị trấn", "t p": "thành phố", "t x": "thành phố",
}  # fmt: skip
_UNITS_BEHIND = {
    "xã": "xã", "phường": "phường", "phuong": "phường", "huyện": "huyện", "huyen": "huyện", "tt": "thị trấn",
    "commune": "xã", "ward": "phường", "town": "thị trấn", "district": "huyện", "city": "thành phố",
}  # fmt: skip
_ENGLISH_UNITS = frozenset({"commune", "ward", "town", "district", "city"})
_PLACE = frozenset({"ở", "o", "tại", "ngụ", "trú", "sống", "thuộc"})
_NEAR = frozenset({"nhà", "nha", "quê", "que"})
_MOTION = word_set(
    "về ve từ tu đến den tới lên len xuống xuong sang qua gần gan giữa giua vùng vung ra vào khỏi khoi bên"
)
_FOLK = word_set("dân dan người nguoi")
_ENGLISH_PLACE = frozenset({
    "live in", "lives in", "living in", "stay in", "am in", "is in", "are in", "im in", "m in", "am from", "is from",
    "are from", "come from", "comes from", "im from", "m from",
})  # fmt: skip
_MARRIED = frozenset({"lay chong", "lay vo", "lam dau", "lam re", "ve nha"})
_HOUSES = frozenset({
    "dia chi",
    "cong an", "y te", "benh vien", "bien phong", "uy ban", "noi tru", "ban tru", "tieu hoc", "mam non", "thuy dien",
})  # fmt: skip
_HOUSE = word_set("ubnd thcs thpt chợ cầu đèo")
_SCHOOL = frozenset({"trường", "truong"})
_BETWEEN = word_set(
    """em toi minh chau con to tui dang song thuoc gan ngay tan mai khu vuc ben dia ban
    chong vo me bo de ngoai noi ba ong chi anh co chu bac di nho trung tam phia duoi tren trong cho
    bien gioi do pha cua khau nghi tro canh e c a m t mk mik"""
)
_PERSON = word_set(
    "chị chi anh cô bà ba ông ong chú chu bác bac dì cậu cau mợ em bé be con cháu chau bạn thầy thay tên ten vua tướng"
)
_SELF = word_set("em be bé con cháu chau")
_NOT = word_set("khong ko k kg hong chang")
_STREET = word_set("đường duong phố pho ngõ ngo hẻm hem ngách trường truong quán công cong")

LEADING = word_set(
    """da vang u em toi minh to tui chau con t e nha que tai la o dang hien nay bay gio song sinh thuoc xa phuong thi
    tran huyen thanh pho tp tt tx x p h ban thon xom tdp khu vuc ngu tru dia chi"""
)
"""Folded words that add nothing to a place before it: a message of these and a name says only the name."""

TRAILING = word_set(
    """a nhe ha ay day do cu moi thoi tinh xa phuong huyen thi tran thanh pho tp tx tt x p h vn truoc sau khi sap nhap
    hien bay gio"""
)
"""Likewise behind or between names. "nha" is not among them: it is also a house, and "năm căn nhà" is no place."""

_STOPS_BEHIND = frozenset({"a", "y", "i", "do", "ay", "day", "nhe", "nha", "cu", "moi"})
LEADS_ON = word_set("nhat xuong len ra den ve di toi sang co thi la mat cach bao")
"""Folded words that go on after a place named as the start or the end of a way ("từ Nà Tăm xuống …", "gần Pa Tần nhất")."""


def before(words: Sequence[Token], start: int, marked: bool) -> Before:
    """Understand the words before the name that starts at `start`; `marked`: the message is typed with marks."""
    at = start - 1
    old = False
    if at >= 1 and words[at].text in ("cũ", "cu") and not words[start].starts_clause:
        old, at = True, at - 1
    if at < 0 or words[start].starts_clause:
        return Before(Cue.NONE)
    if _denied(words, start):
        return Before(Cue.NONE, company=Company.DENIAL)
    if at >= 1:
        pair = f"{words[at - 1].folded} {words[at].folded}"
        if pair == "tac xa":
            return Before(Cue.NONE, company=Company.STREET)
        if pair in _UNITS_OF_TWO:
            return Before(Cue.UNIT, _UNITS_OF_TWO[pair], old=old)
    word = words[at].text
    unit = _UNITS.get(word, "")
    if unit == "huyện" and _town_of(words, at):
        unit = "thị trấn"
    if unit and not (marked and word in ("xa", "tinh")):
        return Before(Cue.UNIT, unit, old=old, bare_unit=unit != word and word not in INITIALS)
    if word in _STREET:
        return Before(Cue.MOTION if word in _SCHOOL else Cue.NONE, company=Company.STREET)
    return _further_back(words, at)


def behind(words: Sequence[Token], end: int) -> str:
    """The type of unit named behind the name that ends before `end` ("Tam Đường thị trấn", "Tan Phong ward"), or ""."""
    if end >= len(words) or words[end].starts_clause:
        return ""
    word = words[end].keys or words[end].text
    if word in _ENGLISH_UNITS:
        return _UNITS_BEHIND[word]
    pair = " ".join(one.folded for one in words[end : end + 2])
    unit, after = (_UNITS_OF_TWO[pair], end + 2) if pair in _UNITS_OF_TWO else (_UNITS_BEHIND.get(word, ""), end + 1)
    stops = after >= len(words) or words[after].starts_clause or words[after].folded in _STOPS_BEHIND
    return unit if stops else ""  # "Mường So huyện Phong Thổ": it belongs to the next name


def _town_of(words: Sequence[Token], at: int) -> bool:
    """Whether "huyện" at `at` says only whose town is meant ("thị trấn huyện Mường Tè")."""
    pair = " ".join(one.folded for one in words[max(at - 2, 0) : at])
    return at >= 1 and (words[at - 1].text in ("tt", "ttr") or pair in ("thi tran", "t t"))


def _denied(words: Sequence[Token], start: int) -> bool:
    """Whether "không phải" or "không ở" stands before the name, or before the unit before it, in the same clause."""
    return any(
        words[at].folded in _NOT
        and words[at + 1].folded in ("phai", "o")
        and not any(word.starts_clause for word in words[at + 1 : start])
        for at in range(max(start - 4, 0), start - 1)
    )


def _further_back(words: Sequence[Token], at: int) -> Before:
    """What "ở gần", "nhà em", "lấy chồng" … say, up to four words before the name; the strongest counts."""
    nearest = words[at].text
    company = Company.NONE if nearest not in _PERSON else Company.PERSON if nearest in _SELF else Company.TITLE
    cue = Cue.NONE
    for back in range(at, max(at - 4, -1), -1):
        said = _cue_at(words, back)
        cue = max(cue, said)
        between = words[back].folded in _BETWEEN or said in (Cue.MOTION, Cue.FOLK)
        if cue >= Cue.NEAR or not between or words[back].starts_clause:
            break
    return Before(cue, company=Company.NONE if cue >= Cue.NEAR else company)


def _in_english(words: Sequence[Token], at: int) -> bool:
    """Whether "live in", "am from" ends here; "is" may have been taken for Telex, so the keys count."""
    return at > 0 and " ".join(word.keys or word.folded for word in words[at - 1 : at + 1]) in _ENGLISH_PLACE


def _cue_at(words: Sequence[Token], at: int) -> Cue:
    word = words[at].text
    pair = f"{words[at - 1].folded} {words[at].folded}" if at > 0 else ""
    if word in _PLACE or word in _HOUSE or pair in _HOUSES or _in_english(words, at):
        return Cue.PLACE
    if word in _NEAR:
        return Cue.NEAR
    if pair in _MARRIED or word in _MOTION:
        return Cue.MOTION
    return Cue.FOLK if word in _FOLK else Cue.NONE
