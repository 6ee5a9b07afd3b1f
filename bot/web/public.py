"""The seeker page: one address, no cookie, no account; works without script. See part 9 of the design.

The token in the hidden field is all there is. The page is drawn from her own view of the talk; reading it is what delivers.
"""

from __future__ import annotations

import asyncio

from aiohttp import web

from bot.channels.webchat import is_message_key, is_token, new_message_key, new_token
from bot.web.bell import Bell
from bot.web.deps import DEPS, WebDeps
from bot.web.forms import read_form
from bot.web.pages import page
from bot.web.security import error_page
from bot.web.texts import SEEKER
from handlers.errors import StorageUnavailable
from handlers.seeker import SeekerView, ViewLine, ViewRequest, view

SEEKER_BELL: web.AppKey[Bell] = web.AppKey("seeker_bell", Bell)


async def show_start(request: web.Request) -> web.Response:
    """GET /: the numbers and one button. Nothing is stored, whoever asks."""
    return _start_page(request.config_dict[DEPS], new_token(), new_message_key())


async def post_message(request: web.Request) -> web.Response:
    """POST /: take what she sent (or only look), wait a moment for the answer, show the talk; JSON for the script."""
    deps = request.config_dict[DEPS]
    as_json = "application/json" in request.headers.get("Accept", "")
    if request.headers.get("Sec-Fetch-Site", "same-origin") not in ("same-origin", "none"):
        return error_page(403)
    fields = await read_form(request)
    token = fields.get("token", "")
    if not is_token(token):
        return error_page(400) if as_json else _start_page(deps, new_token(), new_message_key(), hint="expired")
    message = deps.channel.parse(token, fields)
    try:
        if message is not None:
            await deps.receive(message)
        seen = await _awaited(request, token, _number(fields.get("after", "")) if as_json else 0)
        if as_json:
            return web.json_response(_plain(await _whole_when_turned(deps, token, fields, seen)))
    except StorageUnavailable:
        return error_page(503) if as_json else _unsent_page(deps, token, fields)
    looked = fields.get("act") == "look" or "choice" in fields
    hint = "" if message is not None or looked else "empty"
    typed = fields.get("text", "") if "choice" in fields or looked else ""  # what she was typing is not lost
    return _talk_page(deps, token, seen, hint=hint, text=typed)


async def poll(request: web.Request) -> web.Response:
    """POST /poll: the lines after `after`, at once when there are any, else as soon as there are (at most `poll_s`)."""
    deps, bell = request.config_dict[DEPS], request.config_dict[SEEKER_BELL]
    fields = await read_form(request)
    token, after = fields.get("token", ""), _number(fields.get("after", ""))
    if not is_token(token):
        return error_page(400)
    loop = asyncio.get_running_loop()
    until = loop.time() + deps.poll_s
    known_human = fields.get("human", "")
    while True:
        mark = bell.mark
        seen = await _view(deps, token, after)
        left = until - loop.time()
        news = _turned(fields, seen) or (known_human and known_human != str(int(seen.human)))
        if seen.lines or left <= 0 or news:
            return web.json_response(_plain(await _whole_when_turned(deps, token, fields, seen)))
        await bell.after(mark, min(deps.look_s, left))


async def leave(request: web.Request) -> web.Response:
    """POST /exit: she has left by the exit; her side of the talk ends on the server too. Always answers alike."""
    deps = request.config_dict[DEPS]
    token = (await read_form(request)).get("token", "")
    if is_token(token):
        await deps.leave(deps.channel.address(token))
    return web.Response(status=204, headers={"Clear-Site-Data": '"cache", "storage"'})


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


async def _whole_when_turned(deps: WebDeps, token: str, fields: dict[str, str], seen: SeekerView) -> SeekerView:
    """Another talk starts its numbers anew, so one page's `after` says nothing about it: then she gets all of it."""
    return await _view(deps, token, 0) if _turned(fields, seen) else seen


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0


def _plain(seen: SeekerView) -> dict[str, object]:
    return {
        "human": seen.human,
        "over": seen.over,
        "lines": [
            {
                "seq": line.seq,
                "who": line.who,
                "text": line.text,
                "wants_location": line.wants_location,
                "audio": line.audio,
                "lang": line.language,
                "buttons": [{"label": button.label, "data": button.data} for button in line.buttons],
            }
            for line in seen.lines
        ],
    }


def _start_page(deps: WebDeps, token: str, key: str, *, hint: str = "", status: int = 200) -> web.Response:
    return _page(deps, token, key, begun=False, hint=hint, status=status)


def _talk_page(
    deps: WebDeps, token: str, seen: SeekerView, *, hint: str = "", text: str = "", status: int = 200, key: str = ""
) -> web.Response:
    """The talk so far, the choices of the newest question, and the box to write in."""
    lines = _shown(seen)
    newest = lines[-1] if lines else None
    asked = None if seen.human else _open_question(seen)  # while a person talks, the machine's choices mean nothing
    waiting = not hint and (newest is None or newest.who == "me") and not (seen.human or seen.over)
    return _page(
        deps,
        token,
        key or new_message_key(),
        begun=True,
        hint="waiting" if waiting else hint,
        text=text,
        status=status,
        lines=lines,
        buttons=asked.buttons if asked else (),
        wants_location=bool(asked and asked.wants_location),
        human=seen.human,
        over=seen.over,
        after=seen.last_seq,
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


def _unsent_page(deps: WebDeps, token: str, fields: dict[str, str]) -> web.Response:
    """Nothing was stored: her words stay in the box, under the same key, so that sending again makes one message."""
    key = fields.get("mid", "")
    key = key if is_message_key(key) else new_message_key()
    if fields.get("act") == "start":
        return _start_page(deps, token, key, hint="not_sent_start", status=503)
    empty = SeekerView()
    return _talk_page(deps, token, empty, hint="not_sent", text=fields.get("text", ""), status=503, key=key)


def _page(
    deps: WebDeps, token: str, key: str, *, begun: bool, status: int = 200, hint: str = "", **values: object
) -> web.Response:
    defaults: dict[str, object] = {
        "lines": (), "buttons": (), "wants_location": False, "human": False, "over": False, "after": 0, "text": "",
    }  # fmt: skip
    response = page(
        "seeker.html",
        status=status,
        t=SEEKER,
        numbers=deps.numbers(),
        exit_url=deps.exit_url,
        token=token,
        mid=key,
        code_mid=new_message_key(),
        begun=begun,
        hint=hint,
        **(defaults | values),
    )
    response.enable_compression()
    return response
