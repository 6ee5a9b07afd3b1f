"""What stands between the names in a text, and behind them: "hoặc", "cũ", "sau sáp nhập", the rest of an address."""

from __future__ import annotations

from collections.abc import Sequence, Set

from handlers.rules.places_spans import Span
from handlers.rules.places_table import POST, PRE
from handlers.rules.places_text import Token, word_set

_ERA_PHRASES = {
    PRE: ("truoc day", "hoi truoc", "ngay truoc", "hoi chua", "chua sap nhap", "luc chua"),
    POST: ("bay gio", "hien nay", "hien tai", "moi sap nhap", "moi nhap"),
}
_SPOKEN_TO = word_set("chi co bac chu thay")
_BETWEEN_NAMES = word_set("xa phuong huyen thi tran thanh pho tinh x p h tt tp tx cu thuoc")
_LISTED = word_set("va voi hoac hay cung and or")
_IN_A_LIST = _BETWEEN_NAMES | _LISTED | word_set("la")
_ADDRESS_WORDS = 6
"""So many words may stand between a commune and its province: a district of three words, and what it is."""


def without_address(words: Sequence[Token]) -> int:
    """How many words are left when "chị ạ", "cô ơi" at the end is left out."""
    spoken_to = len(words) >= 3 and words[-1].folded in ("a", "oi", "nhe", "nha") and words[-2].folded in _SPOKEN_TO
    return len(words) - 2 if spoken_to else len(words)


def follows(words: Sequence[Token], one: Span, other: Span) -> bool:
    """Whether only words such as "xã" or "huyện" stand between one name and the next."""
    if not 0 <= other.start - one.end <= 3:
        return False
    return all(word.folded in _BETWEEN_NAMES for word in words[one.end : other.start])


def in_one_list(words: Sequence[Token], one: Span, other: Span) -> bool:
    """Whether "và", "hoặc" or the like, and no more, stands between two names: what the one is, the other is too."""
    first, second = (one, other) if one.start < other.start else (other, one)
    between = [word.folded for word in words[first.end : second.start]]
    if not 1 <= len(between) <= 3 or words[second.start].starts_clause:
        return False
    return not _LISTED.isdisjoint(between) and _IN_A_LIST.issuperset(between)


def address_to(words: Sequence[Token], one: Span, province: Span, taken: Set[int]) -> bool:
    """Whether a name and a place outside are one address ("xã Lê Lợi, Chí Linh, Hải Dương").

    Between them stand only names nobody here knows (`taken`: where known ones stand), each with a capital letter.
    """
    if follows(words, one, province):
        return True
    between = range(one.end, province.start)
    if not 0 < len(between) <= _ADDRESS_WORDS or not taken.isdisjoint(between):
        return False
    if not (words[one.end].starts_clause or words[one.end].folded in _BETWEEN_NAMES):
        return False
    return all(words[at].capital or words[at].folded in _BETWEEN_NAMES for at in between)


def said_before(words: Sequence[Token], span: Span, said: frozenset[str]) -> bool:
    """Whether one of these words stands before the name, at most one word between."""
    return any(word.text in said for word in words[max(span.start - 2, 0) : span.start])


def era_of_text(words: Sequence[Token]) -> str:
    """The era the whole text speaks of ("sau sáp nhập"), or ""."""
    said = " ".join(word.folded for word in words)
    if "sau sap nhap" in said:
        return POST
    return PRE if "truoc sap nhap" in said or "truoc khi sap nhap" in said else ""


def era_behind(words: Sequence[Token], span: Span) -> str:
    """The era named behind a place ("Mường Than cũ"), or ""."""
    behind = words[span.end : span.end + 3]
    said = " ".join(word.folded for word in behind)
    for era, phrases in _ERA_PHRASES.items():
        if said.startswith(phrases):
            return era
    if behind and (len(behind) == 1 or behind[1].starts_clause or behind[0].text == "cũ"):
        return {"cũ": PRE, "cu": PRE, "mới": POST, "moi": POST}.get(behind[0].text, "")
    return ""  # "mới bị đánh": just now
