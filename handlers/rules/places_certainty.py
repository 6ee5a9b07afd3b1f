"""How sure it is that a stretch of words spelled like a name is meant as a place."""

from __future__ import annotations

from enum import IntEnum

from handlers.rules.places_cues import Company, Cue
from handlers.rules.places_spans import Span
from handlers.rules.places_table import VILLAGE, Ordinary, Table

_NO_ORDINARY = Ordinary("", frozenset())


class Certainty(IntEnum):
    """Whether a stretch of words is meant as a place."""

    NO = 0
    ASK = 1
    SURE = 2


def certainty(table: Table, span: Span, cue: Cue) -> Certainty:
    """How sure it is that a place is meant, given the strongest cue around it (`span.before.cue`, or WHOLE)."""
    ordinary = table.ordinary.get(span.key, _NO_ORDINARY)
    if span.before.company is Company.DENIAL:
        return Certainty.NO
    named = cue >= Cue.PLACE or (cue is Cue.MOTION and span.capital)
    if span.typed in ordinary.readings and not (ordinary.strength == "same" and named):
        return Certainty.NO
    if ordinary.strength and span.before.company is not Company.NONE and cue < Cue.UNIT:
        judged = _in_company(span, ordinary)
        if judged is not None:
            return judged
    if span.readings and all(reading.type == VILLAGE for reading in span.readings):
        return _of_village(span, cue)
    if span.near:
        return _of_slip(span, cue, ordinary)
    if span.conflicts:
        return _of_conflict(span, cue, ordinary)
    if span.affirmed:
        if ordinary.strength != "same":
            return Certainty.SURE
        if span.before.unit == VILLAGE or (cue is Cue.NEAR and span.ends):
            return Certainty.ASK  # a bản may well be called Đoàn Kết in any commune
        if cue >= Cue.PLACE:
            return Certainty.SURE
        on_a_way = cue is Cue.MOTION and (span.capital or span.ends or span.leads_on)
        return Certainty.ASK if on_a_way or span.alone else Certainty.NO
    return _of_bare(span, cue, ordinary)


def _in_company(span: Span, ordinary: Ordinary) -> Certainty | None:
    """Behind "chị" or "đường": None when that changes nothing ("em Nậm Chà" is where she lives)."""
    if ordinary.strength == "same":
        return Certainty.NO  # "chị Hồng Thu", "đường Lê Lợi"
    if span.before.company is Company.PERSON:
        return None
    if span.before.company is Company.TITLE:
        return Certainty.ASK if span.affirmed and span.before.cue < Cue.NEAR else None  # "ông Trung Đồng"
    if span.affirmed:
        return Certainty.ASK  # "trường Bình Lư" with all its marks is no ordinary word
    return None if span.before.cue else Certainty.NO


def _of_bare(span: Span, cue: Cue, ordinary: Ordinary) -> Certainty:
    if not ordinary.strength:
        return Certainty.SURE
    if cue is Cue.UNIT and span.before.unit == VILLAGE:
        return Certainty.ASK
    if ordinary.strength == "hard" and Cue.NONE < span.before.cue < Cue.UNIT:
        # "o can ho": in Can Hồ, or in a flat
        return Certainty.ASK if span.ends or cue is Cue.PLACE else Certainty.NO
    if cue >= Cue.PLACE:
        return Certainty.SURE
    if span.alone:
        return Certainty.ASK
    if cue is Cue.FOLK:  # "người thân thuộc" is no place
        return Certainty.ASK if span.ends and ordinary.strength != "same" else Certainty.NO
    on_a_way = cue is Cue.MOTION and span.leads_on
    return Certainty.ASK if cue > Cue.FOLK and (span.ends or on_a_way) else Certainty.NO


def _of_conflict(span: Span, cue: Cue, ordinary: Ordinary) -> Certainty:
    one = span.conflicts == 1
    if ordinary.strength:
        if cue is Cue.UNIT and span.before.unit != VILLAGE:
            return Certainty.SURE if one else Certainty.ASK
        return Certainty.ASK if one and cue >= Cue.PLACE else Certainty.NO
    if cue >= Cue.PLACE:
        return Certainty.SURE if one else Certainty.ASK
    return Certainty.ASK if one else Certainty.NO


def _of_slip(span: Span, cue: Cue, ordinary: Ordinary) -> Certainty:
    if ordinary.strength:
        like_a_name = span.affirmed or span.broken or (span.capital and cue is Cue.WHOLE)
        meant = like_a_name and cue >= Cue.PLACE
        return Certainty.ASK if meant or (cue is Cue.UNIT and span.before.unit != VILLAGE) else Certainty.NO
    long = len(span.readings[0].spelling) >= 3
    if span.outside and (span.conflicts or not (span.affirmed or span.broken or long)):
        return Certainty.NO  # "đàn ông" is no Đắk Nông, "vũng máu" no Vũng Tàu: to send her away takes more
    if span.conflicts > 1:
        return Certainty.NO
    if cue >= Cue.PLACE:
        return Certainty.ASK if span.short else Certainty.SURE
    return Certainty.ASK if long or cue is Cue.NEAR else Certainty.NO


def _of_village(span: Span, cue: Cue) -> Certainty:
    """The list of villages is far from complete: another commune may have one of the same name."""
    several = len(span.readings[0].spelling) > 1
    if span.before.unit == VILLAGE:
        return Certainty.ASK if several or (span.affirmed and not span.before.bare_unit) else Certainty.NO
    return Certainty.ASK if several and cue >= Cue.PLACE and not span.conflicts else Certainty.NO
