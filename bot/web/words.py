"""Cases and lines in the words and shapes the desk shows: the same for the drawn page and for its live updates."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from bot.web.deps import WebDeps
from bot.web.pages import local_time
from bot.web.texts import ABOUT, AGE, ALARM, CATEGORY, CHANNEL, DESK, DISPOSITION, LATE_ANSWER, LEAVING, SEVERITY, SIGN
from handlers.alarms import Alarm
from handlers.desk import CaseView, QueueView
from handlers.model import (
    DeskLine,
    Direction,
    DutySwitch,
    EscalationState,
    MediaState,
    QueueCard,
    Staff,
    Summary,
)
from handlers.permissions import Action, may
from handlers.unheard import CALLS

UNSETTLED = frozenset({"pending", "sending", "held"})
NEVER_SEEN = frozenset({"cancelled", "held"})
"""A line of the machine in one of these states has not reached her, and perhaps never will."""


def card(one: QueueCard, staff: Staff, now: datetime) -> dict[str, Any]:
    """A content-free card."""
    free = one.state in (None, EscalationState.RINGING)
    offered = one.offered_to == staff.uid and not one.mine and not free
    flags = [
        DESK[name]
        for name, on in (
            ("flag_danger", one.danger),
            ("flag_retracted", one.retracted),
            ("flag_not_agreed", not one.agreed),
            ("flag_practice", one.practice),
            ("flag_offered", offered),
        )
        if on
    ]
    return {
        "code": one.case_code,
        "level": one.severity.value,
        "severity": SEVERITY[one.severity.value],
        "category": CATEGORY.get(one.category, one.category),
        "state": state_words(one.state, agreed=one.agreed),
        "owner": "" if one.mine else one.owner_alias,
        "flags": flags,
        "since": int(one.waiting_since.timestamp() * 1000),
        "waited": waited((now - one.waiting_since).total_seconds()),
        "epoch": one.epoch,
        "mine": one.mine,
        "rings": one.state is EscalationState.RINGING,
        "can_claim": (free or offered) and not one.mine and may(staff, Action.CLAIM),
        "can_pass": one.state is EscalationState.RINGING and not one.mine and may(staff, Action.HAND_ON),
        "can_open": one.mine or may(staff, Action.READ_ANY),
    }


def queue(view: QueueView, staff: Staff, now: datetime, deps: WebDeps) -> dict[str, Any]:
    """The whole list with who is on duty."""
    cards = [card(one, staff, now) for one in view.cards]
    until = local_time(view.duty_until_at, deps.zone) if view.duty_until_at and view.duty is not DutySwitch.AUTO else ""
    return {
        "cards": cards,
        "ringing": sum(1 for one in cards if one["rings"]),
        "on_duty": list(view.on_duty),
        "duty": view.duty.value,
        "duty_words": DESK["duty_now_on" if view.me_on_duty else "duty_now_off"]
        + (f" ({DESK['duty_until']} {until})" if until else ""),
        "me_on_duty": view.me_on_duty,
        "gap": _gap(view, deps),
        "alarm": " · ".join(_alarm(one) for one in view.alarms),
    }


def _alarm(one: Alarm) -> str:
    """What is wrong with which channel, in words."""
    what = DESK["alarm_calls"] if one.name == CALLS else f"{DESK['alarm']} {one.name}"
    return f"{what}: {ALARM.get(one.code, one.code)}"


def _gap(view: QueueView, deps: WebDeps) -> str:
    """When nobody will be on duty by the roster, said a day ahead; "" when somebody always is."""
    if view.gap is None:
        return ""
    begins, ends = (local_time(at, deps.zone) for at in (view.gap.period.begins_at, view.gap.period.ends_at))
    return f"{DESK['gap']}: {begins} – {ends}"


def line(one: DeskLine, deps: WebDeps) -> dict[str, Any]:
    """One line of the talk with what became of it."""
    kind = one.direction.value
    author = DESK[one.author] if one.author in ("seeker", "bot") else one.author
    if one.direction is Direction.NOTE:
        author = f"{DESK['note_by']} {author}"
    delivery = one.delivery.value if one.delivery else ""
    # Her lines are numbered: a counsellor points out the one in which she agreed to be referred.
    number = f" · {DESK['line_no']} {one.seq}" if one.direction is Direction.IN else ""
    return {
        "seq": one.seq,
        "kind": "bot" if kind == "out" and one.author == "bot" else kind,
        "author": author,
        "text": one.text,
        "at": local_time(one.created_at, deps.zone) + number,
        "delivery": delivery,
        "mark": DESK.get(delivery, ""),
        "media": _media(one),
    }


def _media(one: DeskLine) -> dict[str, str] | None:
    """The link to a picture or a voice note; without one where there is none, or none that can be shown."""
    if one.media is None:
        return None
    if one.media.state is MediaState.REFUSED:
        return {"uid": "", "words": DESK["media_refused"]}
    return {"uid": one.media.uid, "words": DESK[f"media_{one.media.kind.value}"]}


def talk(lines: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The lines as the page shows them, `{"folded": words, "lines": […]}`: lines of the machine that were dropped or are held,
    next to one another, are folded away behind `folded`, so that what she wrote stands out; all else stands alone ("").
    """
    groups: list[dict[str, Any]] = []
    for one in lines:
        unseen = one["kind"] == "bot" and one["delivery"] in NEVER_SEEN
        if unseen and groups and groups[-1]["folded"]:
            groups[-1]["lines"].append(one)
        else:
            groups.append({"folded": "…" if unseen else "", "lines": [one]})
    for group in groups:
        if group["folded"]:
            group["folded"] = DESK["folded"].format(count=len(group["lines"]))
    return groups


def unsettled(lines: list[dict[str, Any]]) -> list[int]:
    """Sequence numbers of lines whose fate may still change."""
    return [one["seq"] for one in lines if one["delivery"] in UNSETTLED]


def banners(view: CaseView, *, shut: bool = False) -> list[dict[str, str]]:
    """What must be seen before anything else on the case page, worst first."""
    shown = (
        ("danger", view.danger),
        ("unconfirmed", not view.in_touch and view.readable and view.closed_at is None),
        ("retracted", view.retracted),
        ("unreachable", not view.reachable and view.closed_at is None),
        ("window_shut", shut and view.closed_at is None),
        ("not_agreed", not view.agreed and view.mine),
        ("not_yours", not view.answers and not view.readable and view.closed_at is None),
    )
    found = [{"kind": name, "words": DESK[f"banner_{name}"]} for name, on in shown if on]
    leaving = LEAVING.get(view.leaving) if view.closed_at is None else None
    return found + ([{"kind": "leaving", "words": leaving}] if leaving else [])


def state_words(state: EscalationState | None, *, agreed: bool = True) -> str:
    """Where a case stands, in words; somebody who has not agreed yet is being asked, whatever the clock of the claim says."""
    if not agreed and state not in (None, EscalationState.RINGING, EscalationState.ENDED):
        return DESK["asked"]
    return DESK[state.value] if state is not None and state.value in DESK else DESK["idle"]


def window_words(view: CaseView, deps: WebDeps, now: datetime) -> str:
    """Until when this channel lets us answer her, and until when it is free; "" where it always does."""
    window = deps.window(view.channel)
    shuts_at, free_until = window.shuts_at(view.last_inbound_at), window.free_until(view.last_inbound_at)
    if shuts_at is None or view.closed_at is not None:
        return ""
    if now >= shuts_at:
        return DESK["window_shut"]
    words = f"{DESK['window_until']} {local_time(shuts_at, deps.zone)}"
    if free_until is None or free_until >= shuts_at:
        return words
    if now >= free_until:
        return f"{words} ({DESK['window_billed']})"
    return f"{words} ({DESK['window_free']} {local_time(free_until, deps.zone)})"


def case(view: CaseView, deps: WebDeps, now: datetime) -> dict[str, Any]:
    """Everything above the talk."""
    late = LATE_ANSWER.get(view.late_answer, view.late_answer)
    if view.late_until_at is not None:
        late += f": {local_time(view.late_until_at, deps.zone)}"
    summary, lines = view.summary, [line(one, deps) for one in view.lines]
    return {
        "code": view.case_code,
        "level": view.severity.value,
        "severity": SEVERITY[view.severity.value],
        "category": CATEGORY.get(view.category, view.category),
        "state": DESK["closed"] if view.closed_at else state_words(view.state, agreed=view.agreed),
        "closed": view.closed_at is not None,
        "disposition": DISPOSITION[view.disposition.value] if view.disposition else "",
        "owner": "" if view.mine else view.owner_alias,
        "epoch": view.epoch,
        "can_claim": (not view.owner_alias or view.offered) and not view.mine and view.closed_at is None,
        "asked": view.asked,
        "mine": view.mine,
        "may_answer": view.answers,
        "readable": view.readable,
        "agreed": view.agreed,
        "banners": banners(view, shut=deps.window(view.channel).is_shut(view.last_inbound_at, now)),
        "facts": [
            (name, words)
            for name, words in (
                (DESK["about"], ABOUT.get(summary.about, summary.about)),
                (DESK["age"], AGE.get(summary.age_band, summary.age_band)),
                *where(summary, deps.place_name),
                (DESK["channel"], CHANNEL.get(view.channel, view.channel)),
                (DESK["opened"], local_time(view.opened_at, deps.zone)),
                (DESK["late"], late),
                (DESK["wish"], DESK["wish_woman"] if summary.woman else ""),
                (DESK["wish"], DESK["wish_another"] if summary.avoid else ""),
                (DESK["window"], window_words(view, deps, now)),
            )
            if words
        ],
        "why": [deps.why(reason) for reason in summary.why],
        "signs": signs(summary),
        "answers": list(summary.answers.items()),
        "commune": summary.commune,
        "lines": lines,
        "talk": talk(lines),
    }


def where(summary: Summary, name_of: Callable[[str], str]) -> list[tuple[str, str]]:
    """Where she is, with whether anybody has asked her, and where else she may be; words are "" where nobody knows."""
    at = name_of(summary.commune) if summary.commune else ""
    if at and summary.commune_unasked:
        at += f" ({DESK['place_unasked']})"
    return [(DESK["place"], at), (DESK["places"], " · ".join(name_of(code) for code in summary.places))]


def signs(summary: Summary) -> list[tuple[str, list[str]]]:
    """Each sign once, in words for staff, with the places in her texts that showed it (at most three).

    Many signs at once stand all over a text: what is quoted for them are scraps that tell a reader at night nothing.
    """
    found: dict[str, list[str]] = {}
    for sign, quoted in summary.signs:
        places = found.setdefault(SIGN.get(sign, sign), [])
        if quoted and sign != "many_signs" and quoted not in places and len(places) < 3:
            places.append(quoted)
    return list(found.items())


def waited(seconds: float) -> str:
    """A waiting time in words: seconds below two minutes, then minutes, then hours."""
    whole = max(0, int(seconds))
    if whole < 120:
        return f"{whole} giây"
    if whole < 7200:
        return f"{whole // 60} phút"
    return f"{whole // 3600} giờ"
