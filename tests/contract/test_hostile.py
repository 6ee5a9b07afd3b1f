"""2 000 hostile payloads at all that takes input from outside: no exception of ours, no 5xx, the next person is served."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from bot.web.deps import WebDeps
from tests.contract.platforms import Door, door

ROUNDS = 2500 if os.environ.get("CHAOS") == "full" else 50
AT_ONCE = 40  # payloads of a round, posted side by side: 2 000 in all

PAYLOADS: list[bytes] = [
    b"", b"\x00", b"\xff\xfe", b"[" * 100_000, b'{"a":' * 20_000, b"1" * 5_000, b"NaN", b"-Infinity", b'"\\ud800"',
    b'{"update_id": 1, "update_id": 2}', b'{"update_id": 1e400}', b'{"update_id": ' + b"9" * 4_000 + b"}",
    b'{"update_id": -1, "message": {"chat": {"id": -1, "type": "private"}, "text": "\\ud800\\u0000\\u202e"}}',
    b'{"update_id": 3, "message": {"chat": {"id": 9, "type": "private"}, "location": {"latitude": NaN, "longitude": 1e400}}}',
    b'{"update_id": 5, "message": {"chat": {"id": 9, "type": "private"}, "photo": [{"file_id": "\\ud800", "file_size": -1}]}}',
    b'{"update_id": 6, "message": {"chat": {"id": 9, "type": "private"}, "voice": {"file_id": "' + b"x" * 50_000 + b'"}}}',
    b'{"event_name": "user_send_image", "timestamp": "1", "sender": {"id": "1"}, "message": {"msg_id": "a", "attachments": '
    b'[{"type": "image", "payload": {"url": "http://127.0.0.1:9/\\ud800\\u0000"}}]}}',
    b'{"event_name": "message.image.received", "message": {"message_id": "b", "chat": {"id": "1", "chat_type": "PRIVATE"}, '
    b'"from": {"id": "1"}, "photo_url": "file:///\\ud800", "caption": "x"}}',
    b'{"update_id": 4, "callback_query": {"id": "1", "data": "\\ud83d", "message": {"chat": {"id": 9, "type": "private"}}}}',
]  # fmt: skip

names = st.sampled_from(
    ["update_id", "message", "edited_message", "callback_query", "my_chat_member", "new_chat_member", "chat", "id", "type",
     "text", "location", "latitude", "longitude", "data", "status"]
)  # fmt: skip
leaves = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=30)
    | st.sampled_from(["private", "group", "kicked", "/start", "\ud800", "\x00", "cứu em với", 10**40, -1])
)  # fmt: skip
trees = st.recursive(leaves, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=5))
files = st.fixed_dictionaries({"file_id": leaves}, optional={"file_size": leaves})
chats = st.fixed_dictionaries({"id": st.integers(1, 5) | leaves, "type": st.just("private")})
messages = st.fixed_dictionaries(
    {"chat": chats},
    optional={"text": leaves, "location": trees, "photo": trees | st.lists(files, max_size=2), "voice": files},
)
queries = st.fixed_dictionaries({"id": leaves}, optional={"data": leaves, "message": messages})
updates = st.fixed_dictionaries(
    {"update_id": st.integers(0, 10**12) | leaves},
    optional={"message": messages, "callback_query": queries, "my_chat_member": trees},
)
for_webhook = (
    st.sampled_from(PAYLOADS) | st.binary(max_size=80) | (updates | trees).map(lambda tree: json.dumps(tree).encode())
)

field_names = st.sampled_from(
    ["token", "text", "mid", "act", "choice", "code", "lat", "lon", "after", "human", "lang", "speak", "spoke", "first"]
)
tokens = st.sampled_from(["A" * 43, "B" * 43]) | st.text(max_size=50)
values = st.text(max_size=60) | st.sampled_from(
    [
        "start",
        "look",
        "home",
        "code",
        "location",
        "nan",
        "1e400",
        "999999999999",
        "-5",
        "%00%ff",
        "en",
        "hurt",
        "012345678901",
    ]
)
forms = st.dictionaries(field_names, values, max_size=7)
quoted = st.tuples(tokens, forms).map(lambda both: {"token": both[0], **both[1]} if len(both[1]) % 3 else both[1])

pages = st.tuples(st.sampled_from(["/", "/poll", "/exit", "/exit?t=x", "/about"]), quoted | st.binary(max_size=80))

# --- what Zalo might bring ---------------------------------------------------------------------------------------------

event_names = st.sampled_from(
    ["user_send_text", "user_send_location", "user_send_image", "anonymous_send_text", "follow", "unfollow", "user_withdraw",
     "oa_send_text", "user_send_group_text", "message.text.received", "message.unsupported.received", "x"]
)  # fmt: skip
zalo_names = st.sampled_from(
    ["event_name", "sender", "recipient", "id", "message", "text", "msg_id", "message_id", "attachments", "payload", "type",
     "coordinates", "latitude", "longitude", "timestamp", "conversation_id", "follower", "user_id", "chat", "from", "result",
     "ok", "chat_type", "date", "url", "photo_url", "voice_url"]
)  # fmt: skip
zalo_trees = st.recursive(
    leaves, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(zalo_names, inner, max_size=5)
)
ids = st.fixed_dictionaries({"id": st.sampled_from(["1", "2"]) | leaves})
events = st.fixed_dictionaries(
    {"event_name": event_names | leaves, "timestamp": st.just("17") | leaves},
    optional={
        "sender": ids,
        "follower": ids,
        "user_id": leaves,
        "message": zalo_trees,
        "result": zalo_trees,
        "ok": leaves,
    },
)
from_zalo = (
    st.sampled_from(PAYLOADS)
    | st.binary(max_size=80)
    | (events | zalo_trees).map(lambda tree: json.dumps(tree).encode())
)
BROUGHT = {"webhook": (for_webhook, {200}), "zalo-oa": (from_zalo, {200, 401}), "zalo-bot": (from_zalo, {200})}
"""By kind: what may be brought to its webhook, and what it may answer (401: what carries no time stamp cannot be signed)."""


@pytest.fixture
def served(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[asyncio.Runner, Door, str]]:
    """The program on a loop that a plain test can run step by step; pages wait only a moment."""
    monkeypatch.setitem(WebDeps.__init__.__kwdefaults__, "poll_s", 0.01)
    monkeypatch.setitem(WebDeps.__init__.__kwdefaults__, "after_post_s", 0.02)
    with asyncio.Runner() as runner:
        opening = door(request.param, tmp_path, media={"from_seekers": True})
        where = runner.run(opening.__aenter__())
        yield runner, where, request.param
        runner.run(opening.__aexit__(None, None, None))


async def _post(where: Door, path: str, payload: Any) -> int:
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    if path == where.route:
        headers = {"Content-Type": "application/json", **where.signed(payload)}
    if isinstance(payload, dict):
        payload = "&".join(f"{name}={_quoted(value)}" for name, value in payload.items()).encode()
    async with where.running.http.post(where.running.base + path, data=payload, headers=headers) as answer:
        await answer.read()
        return answer.status


def _quoted(value: str) -> str:
    return "".join(f"%{byte:02x}" for byte in value.encode("utf-8", "surrogatepass"))


@pytest.mark.parametrize("served", sorted(BROUGHT), indirect=True)
def test_hostile_payloads_break_nothing(served: tuple[asyncio.Runner, Door, str]) -> None:
    runner, where, kind = served
    brought, allowed = BROUGHT[kind]
    asked = st.tuples(st.just(where.route), brought) | pages
    rounds = ROUNDS // len(BROUGHT)
    thrown: list[int] = []

    @settings(
        max_examples=rounds,
        phases=[Phase.reuse, Phase.generate],
        suppress_health_check=list(HealthCheck),
        deadline=None,
    )
    @given(payloads=st.lists(asked, min_size=AT_ONCE, max_size=AT_ONCE))
    def throw(payloads: list[tuple[str, Any]]) -> None:
        async def all_at_once() -> list[int]:
            return await asyncio.gather(*(_post(where, path, payload) for path, payload in payloads))

        statuses = runner.run(all_at_once())
        thrown.extend(statuses)
        bad = [
            (status, path, payload if isinstance(payload, dict) else payload[:200])
            for status, (path, payload) in zip(statuses, payloads, strict=True)
            if status >= 500 or (path == where.route and status not in allowed)
        ]
        assert bad == []

    throw()
    print(
        f"figure: {len(thrown)} hostile requests to {kind}: {sum(status >= 500 for status in thrown)} answered with 5xx"
    )
    assert len(thrown) >= rounds * AT_ONCE
    assert runner.run(where.deliver(70, "em đây")) == 200
    runner.run(where.has_received(1))
