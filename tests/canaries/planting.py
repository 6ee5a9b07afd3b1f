"""Notes what must not come out, where it comes in: wraps the values and doors of the program once, for the whole session."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from typing import Any

from bot.channels import webchat
from bot.config import Secret
from handlers import return_codes
from handlers.audit_heads import HeldKey
from handlers.desk import Note, Reply
from handlers.model import Address, Direction, InboundMessage, Line
from storage.audit_keys import AuditKeyFiles
from storage.secrets import Peppers, Secrets
from tests.canaries.cage import cage
from tests.fakes import telegram, zalo_bot, zalo_oa

_NAMES = {
    "first_name": "her name",
    "last_name": "her name",
    "display_name": "her name",
    "username": "her username",
    "phone_number": "her phone",
}
_WORDS = {"text": "her words", "caption": "her words", "title": "her words", "file_id": "her picture"}
_PLANTED: list[Callable[[], None]] = []


def plant() -> None:
    """Begin; safe to repeat."""
    if _PLANTED:
        return
    _after(InboundMessage, "__init__", _message)
    _after(Address, "__init__", lambda one, *_: cage.name("a platform's id", one.platform_id))
    _after(Reply, "__init__", lambda one, *_: cage.words("a counsellor's words", one.text))
    _after(Note, "__init__", lambda one, *_: cage.words("a counsellor's note", one.text))
    _after(Line, "__init__", _line)
    _after(Secrets, "__init__", _secrets)
    _result(AuditKeyFiles, "held", _audit_keys)
    _result(Peppers, "get", lambda value: cage.secret("the secret pepper", value))
    _result(Secret, "read", lambda value: cage.secret("a secret of the configuration", value))
    _result(return_codes, "make", _code)
    _result(webchat, "new_token", lambda value: cage.name("a page's token", value))
    _after(telegram.FakeTelegram, "_push", lambda _, answer, update: _update(update))
    _result(zalo_bot.FakeZaloBot, "update", _update)
    _result(zalo_oa.FakeZaloOa, "event", _update)
    _after(telegram.FakeTelegram, "__init__", lambda *_: cage.secret("the bot's token", telegram.TOKEN))


def uproot() -> None:
    """End: everything as it was."""
    while _PLANTED:
        _PLANTED.pop()()


def _message(one: InboundMessage, *_: object) -> None:
    cage.words("her words", one.text)
    if one.point is not None:
        for part in one.point:
            cage.name("her point", part)


def _line(one: Line, *_: object) -> None:
    if one.direction is not Direction.OUT:  # hers, or a note of a counsellor's; ours are shipped texts
        cage.words("her words", one.text)


def _secrets(one: Secrets, *_: object) -> None:
    for each in fields(one):
        value = getattr(one, each.name)
        if isinstance(value, bytes):
            cage.secret(f"the secret {each.name}", value)
        for name, one_of_many in getattr(value, "_held", {}).items():  # by their names
            cage.secret(f"the secret {'kek' if name.startswith('kek') else 'pepper'}", one_of_many)


def _audit_keys(held: list[HeldKey]) -> None:
    for one in held:
        cage.secret("the secret audit", one.private.private_bytes_raw())


def _code(written: str) -> None:
    cage.name("her return code", written)
    cage.name("her return code", "".join(written.split()))


def _update(content: object) -> None:
    """Everything of a person in a platform's update, however deep it lies."""
    if isinstance(content, list):
        for one in content:
            _update(one)
    elif isinstance(content, dict):
        for key, value in content.items():
            if key in _NAMES:
                cage.name(_NAMES[key], value)
            elif key in _WORDS:
                cage.words(_WORDS[key], value)
            elif key in ("latitude", "longitude"):
                cage.name("her point", value)
            elif key in ("from", "chat", "sender") and isinstance(value, dict):
                cage.name("a platform's id", value.get("id", ""))
            _update(value)


def _after(owner: Any, name: str, note: Callable[..., object]) -> None:
    """Call `note(self, result, *args)` after the method."""
    before = getattr(owner, name)

    def wrapped(self: Any, *args: Any, **given: Any) -> Any:
        result = before(self, *args, **given)
        note(self, result, *args)
        return result

    _put(owner, name, wrapped)


def _result(owner: Any, name: str, note: Callable[[Any], object]) -> None:
    """Call `note(result)` after the function or method."""
    before = getattr(owner, name)

    def wrapped(*args: Any, **given: Any) -> Any:
        result = before(*args, **given)
        note(result)
        return result

    _put(owner, name, wrapped)


def _put(owner: Any, name: str, value: Any) -> None:
    before = getattr(owner, name)
    setattr(owner, name, value)
    _PLANTED.append(lambda: setattr(owner, name, before))
