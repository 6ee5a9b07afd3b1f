"""Draws the seeker page and the page about it. Everything a page has to know stands in its form: nothing is kept for it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from aiohttp import web

from bot.channels.webchat import is_message_key, is_token, new_message_key, new_token
from bot.web.deps import WebDeps
from bot.web.leaving import ticket
from bot.web.pages import page
from bot.web.tongues import OWN, Tongue, tongues
from flows.effects import Button
from handlers.seeker import SeekerView, ViewLine

SIGNS = ("danger", "hurt", "ask")
"""The three first choices, each with a pictogram `signs/<name>.svg`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reader:
    """Who a page is drawn for."""

    token: str = field(repr=False)
    tongue: Tongue  # the page's language
    spoke: str  # the talk's language as her page last knew it; "" before the talk
    in_talk: bool  # does she come from the page of a talk?

    @classmethod
    def of(cls, fields: Mapping[str, str]) -> Reader:
        """From what her page has posted; Vietnamese where it says nothing usable."""
        known = tongues()
        code = fields.get("speak", "") if fields.get("speak", "") in known else fields.get("lang", "")
        return cls(
            token=fields.get("token", ""),
            tongue=known.get(code, known[OWN]),
            spoke=fields.get("spoke", ""),
            in_talk="after" in fields,
        )

    def following(self, spoken: str) -> Reader:
        """The same reader after the talk has gone on: where its language has changed, the page follows it."""
        changed = self.spoke not in ("", spoken)
        tongue = tongues().get(spoken, self.tongue) if changed else self.tongue
        return replace(self, tongue=tongue, spoke=spoken)


def start_page(
    deps: WebDeps,
    reader: Reader,
    *,
    key: str = "",
    hint: str = "",
    status: int = 200,
    code: str = "",
    code_key: str = "",
) -> web.Response:
    """The numbers, and three ways to begin. `code`: one that was not sent, still in its box under its key."""
    if not is_token(reader.token):
        reader = replace(reader, token=new_token())
    return _draw(
        deps,
        "seeker.html",
        replace(reader, in_talk=False),
        status=status,
        begun=False,
        hint=hint,
        mid=key or new_message_key(),
        code=code,
        code_mid=code_key or new_message_key(),
        signs=SIGNS,
    )


def talk_page(
    deps: WebDeps,
    reader: Reader,
    seen: SeekerView,
    *,
    hint: str = "",
    text: str = "",
    code: str = "",
    code_key: str = "",
    status: int = 200,
    key: str = "",
    again: str = "",
) -> web.Response:
    """The talk so far, the choices of the newest question, and the box to write in. `again`: a choice that was not sent."""
    lines = _shown(seen)
    newest = lines[-1] if lines else None
    asked = None if seen.human else _open_question(seen)  # while a person talks, the machine's choices mean nothing
    waiting = not hint and (newest is None or newest.who == "me") and not (seen.human or seen.over)
    buttons = asked.buttons if asked else ()
    return _draw(
        deps,
        "seeker.html",
        replace(reader, in_talk=True),
        status=status,
        begun=True,
        mid=key or new_message_key(),
        hint="waiting" if waiting else hint,
        text=text,
        code=code,
        code_mid=code_key or new_message_key(),
        lines=lines,
        buttons=(Button(reader.tongue.texts["again"], again),) if again else buttons,
        buttons_lang=reader.tongue.code if again else (asked.language if asked else "") or deps.base_language(),
        wants_location=bool(asked and asked.wants_location),
        human=seen.human,
        over=seen.over,
        after=seen.last_seq,
    )


def unsent_page(deps: WebDeps, reader: Reader, fields: Mapping[str, str]) -> web.Response:
    """Nothing was stored: what she wrote stays in the box, under the same key, so that sending again makes one message."""
    key = fields.get("mid", "")
    key = key if is_message_key(key) else new_message_key()
    act, again = fields.get("act", "say"), fields.get("choice", "")
    code = fields.get("code", "") if act == "code" else ""
    message_key, code_key = ("", key) if code else (key, "")
    hint = {"start": "not_sent_start", "code": "not_sent_code", "look": "lost"}.get(act, "not_sent")
    hint = "not_sent_choice" if again else "lost" if "speak" in fields else hint
    if act == "start" or (act == "code" and not reader.in_talk):
        return start_page(deps, reader, key=message_key, hint=hint, status=503, code=code, code_key=code_key)
    return talk_page(
        deps,
        reader,
        SeekerView(),
        hint=hint,
        text=fields.get("text", ""),
        code=code,
        code_key=code_key,
        status=503,
        key=message_key,
        again=again,
    )


def about_page(deps: WebDeps, reader: Reader, fields: Mapping[str, str]) -> web.Response:
    """Who runs this, what is kept, how to erase. From a talk it leads back to it, with what stood in the box."""
    carried = {name: fields[name] for name in ("spoke", "after", "text") if name in fields} if reader.in_talk else {}
    if reader.in_talk and fields.get("speak") == reader.tongue.code:
        carried["speak"] = reader.tongue.code  # the talk hears of it when she is back
    carried |= {"act": "look" if reader.in_talk else "home", "mid": new_message_key()}
    return _draw(
        deps,
        "about.html",
        reader,
        begun=reader.in_talk,
        carried=carried,
        operator=deps.operator,
        contact=deps.contact,
        kept_days=deps.kept_days,
        ledger_days=deps.ledger_days,
    )


def _shown(seen: SeekerView) -> tuple[ViewLine, ...]:
    """What stands on the page: all of the talk, or only our last words once she has said stop or delete."""
    if not seen.over:
        return seen.lines
    last_own = max((index for index, line in enumerate(seen.lines) if line.who == "me"), default=-1)
    return seen.lines[last_own + 1 :]


def _open_question(seen: SeekerView) -> ViewLine | None:
    """The newest line that asks something and has not been answered; a waiting line after it does not take it away."""
    for line in reversed(seen.lines):
        if line.who == "me":
            return None
        if line.buttons or line.wants_location:
            return line
    return None


def _draw(deps: WebDeps, template: str, reader: Reader, *, status: int = 200, **values: object) -> web.Response:
    defaults: dict[str, object] = {
        "lines": (), "buttons": (), "buttons_lang": "", "wants_location": False, "human": False, "over": False, "after": 0,
        "text": "", "code": "", "code_mid": "", "hint": "", "mid": "",
    }  # fmt: skip
    tongue, base = reader.tongue, deps.base_language()
    spoken = deps.spoken(tongue.code)
    response = page(
        template,
        status=status,
        t=tongue.texts,
        lang=tongue.code,
        others=[other for other in tongues().values() if other.code != tongue.code],
        line_names=tongue.lines,
        base=base,
        spoke=reader.spoke or base,
        unspoken=tongue.code != base and not (spoken is not None and spoken.speaks),
        numbers=deps.numbers(),
        exit_url=deps.exit_url,
        leaving=ticket(deps.page_key, reader.token) if reader.in_talk and is_token(reader.token) else "",
        token=reader.token,
        **(defaults | values),
    )
    response.enable_compression()
    return response
