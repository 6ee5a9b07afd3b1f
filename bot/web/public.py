"""The seeker page: one address, no cookie, no account; works without script. See part 9 of the design.

The token in the hidden field is all there is. The page is drawn from her own view of the talk; reading it is what delivers.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace

from aiohttp import web

from bot.channels.webchat import is_token, new_token
from bot.web.bell import Bell
from bot.web.deps import DEPS, WebDeps
from bot.web.forms import read_form
from bot.web.handler import Handler
from bot.web.security import error_page
from bot.web.seeker_page import Reader, about_page, start_page, talk_page, unsent_page
from handlers.errors import StorageUnavailable
from handlers.seeker import SeekerView, ViewLine, ViewRequest, view

_NOT_HERS = ("/desk", "/refer", "/webhooks", "/audio")
"""Addresses of staff, services, platforms, recordings: what is none among them keeps its bare status."""

SEEKER_BELL: web.AppKey[Bell] = web.AppKey("seeker_bell", Bell)


async def show_start(request: web.Request) -> web.Response:
    """GET /: the numbers and three ways to begin. Nothing is stored, whoever asks."""
    return start_page(request.config_dict[DEPS], Reader.of({}))


@web.middleware
async def back_to_start(request: web.Request, handler: Handler) -> web.StreamResponse:
    """A mistyped address leads a browser to the start page, with the exit and the numbers first, and never to a bare line."""
    try:
        return await handler(request)
    except (web.HTTPNotFound, web.HTTPMethodNotAllowed) as error:
        looks = request.method in ("GET", "HEAD") and "text/html" in request.headers.get("Accept", "")
        if error is not request.match_info.http_exception or not looks or request.path.startswith(_NOT_HERS):
            raise
        response = start_page(request.config_dict[DEPS], Reader.of({}), hint="nowhere", status=error.status)
        if "Allow" in error.headers:
            response.headers["Allow"] = error.headers["Allow"]
        return response


async def show_about(request: web.Request) -> web.Response:
    """GET or POST /about: who runs this, what is kept, how to erase. Other sites may link to it; a talk leads there and back."""
    # Another site must not put a token of its own under her page: from elsewhere it is a mere look.
    fields = await read_form(request) if request.method == "POST" and _from_our_page(request) else {}
    return about_page(request.config_dict[DEPS], Reader.of(fields), fields)


async def post_message(request: web.Request) -> web.Response:
    """POST /: take what she sent (or only look), wait a moment for the answer, show the talk; JSON for the script."""
    deps = request.config_dict[DEPS]
    as_json = "application/json" in request.headers.get("Accept", "")
    if not _from_our_page(request):
        return error_page(403)
    fields = await read_form(request)
    reader = Reader.of(fields)
    if not is_token(reader.token) or fields.get("act") == "home":
        hint = "" if fields.get("act") == "home" or "speak" in fields else "expired"
        return error_page(400) if as_json else start_page(deps, reader, hint=hint)
    sent = _meant(deps, reader, fields)
    message = deps.channel.parse(reader.token, sent)
    try:
        if message is not None:
            await deps.receive(message)
        seen = await _awaited(request, reader.token, _number(fields.get("after", "")) if as_json else 0)
        if as_json:
            return web.json_response(_plain(deps, reader, await _whole_when_turned(deps, fields, seen)))
    except StorageUnavailable:
        return error_page(503) if as_json else unsent_page(deps, reader, fields)
    if not (seen.lines or seen.waiting or seen.over or seen.human):
        # Nobody talks behind this token (any more): she has left, or has never begun.
        return start_page(deps, replace(reader, token=new_token()), hint="expired" if reader.in_talk else "")
    looked = sent.get("act") == "look" or "choice" in sent or "speak" in fields
    hint = "" if message is not None or looked else "empty"
    typed = fields.get("text", "") if looked else ""  # what she was typing is not lost
    return talk_page(deps, reader.following(_spoken(deps, seen)), seen, hint=hint, text=typed)


def _from_our_page(request: web.Request) -> bool:
    return request.headers.get("Sec-Fetch-Site", "same-origin") in ("same-origin", "none")


def _meant(deps: WebDeps, reader: Reader, fields: dict[str, str]) -> dict[str, str]:
    """What the page has posted, as her message: the first choices are words that are said for her, and so is a language that she
    chooses for the page while a talk is on.
    """
    sent = {**fields, "lang": reader.tongue.code}
    if "speak" in fields:
        sent.pop("choice", None)
        known = deps.spoken(reader.tongue.code)
        tells = reader.in_talk and known is not None and known.code != (reader.spoke or deps.base_language())
        return sent | ({"act": "say", "text": known.name} if tells and known is not None else {"act": "look"})
    said = reader.tongue.texts.get(f"said_{fields.get('first', '')}")
    return sent | {"act": "say", "text": said} if said and fields.get("act") == "start" else sent


async def poll(request: web.Request) -> web.Response:
    """POST /poll: the lines after `after`, at once when there are any, else as soon as there are (at most `poll_s`)."""
    deps, bell = request.config_dict[DEPS], request.config_dict[SEEKER_BELL]
    fields = await read_form(request)
    reader, after = Reader.of(fields), _number(fields.get("after", ""))
    if not is_token(reader.token):
        return error_page(400)
    loop = asyncio.get_running_loop()
    until = loop.time() + deps.poll_s
    known_human = fields.get("human", "")
    while True:
        mark = bell.mark
        seen = await _view(deps, reader.token, after)
        left = until - loop.time()
        news = _turned(fields, seen) or (known_human and known_human != str(int(seen.human)))
        if seen.lines or left <= 0 or news:
            return web.json_response(_plain(deps, reader, await _whole_when_turned(deps, fields, seen)))
        await bell.after(mark, min(deps.look_s, left))


async def _awaited(request: web.Request, token: str, after: int) -> SeekerView:
    """Her view once everything she sent has been handled, or as it is after `after_post_s`."""
    deps, bell = request.config_dict[DEPS], request.config_dict[SEEKER_BELL]
    loop = asyncio.get_running_loop()
    until = loop.time() + deps.after_post_s
    while True:
        mark = bell.mark
        seen = await _view(deps, token, after)
        left = until - loop.time()
        if left <= 0 or not seen.waiting:
            return seen
        await bell.after(mark, min(0.5, left))


async def _view(deps: WebDeps, token: str, after: int) -> SeekerView:
    return await deps.door.run(view, ViewRequest(address=deps.channel.address(token), after_seq=after))


def _turned(fields: dict[str, str], seen: SeekerView) -> bool:
    """Has she said stop or delete, or begun again, since the page last heard from us?"""
    return fields.get("over", "") not in ("", str(int(seen.over)))


async def _whole_when_turned(deps: WebDeps, fields: dict[str, str], seen: SeekerView) -> SeekerView:
    """Another talk starts its numbers anew, so one page's `after` says nothing about it: then she gets all of it."""
    return await _view(deps, fields.get("token", ""), 0) if _turned(fields, seen) else seen


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0


def _spoken(deps: WebDeps, seen: SeekerView) -> str:
    return seen.language or deps.base_language()


def _language_of(deps: WebDeps, spoke: str, line: ViewLine) -> str:
    """What a line is to be read aloud in; "" for her own, which nobody knows."""
    if line.who == "bot":
        return line.language or deps.base_language()
    return spoke if line.who == "person" else ""


def _plain(deps: WebDeps, reader: Reader, seen: SeekerView) -> dict[str, object]:
    now = reader.following(_spoken(deps, seen))
    return {
        "human": seen.human,
        "over": seen.over,
        "spoke": now.spoke,
        "turn": now.tongue.code != reader.tongue.code,  # the page has to be drawn anew, in the talk's language
        "lines": [
            {
                "seq": line.seq,
                "who": line.who,
                "text": line.text,
                "wants_location": line.wants_location,
                "audio": line.audio,
                "lang": _language_of(deps, now.spoke, line),
                "buttons": [{"label": button.label, "data": button.data} for button in line.buttons],
            }
            for line in seen.lines
        ],
    }
