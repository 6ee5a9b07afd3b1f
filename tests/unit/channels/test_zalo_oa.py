"""Zalo Official Account: events become messages, tokens survive, what the platform answers is an outcome."""

from __future__ import annotations

import asyncio
import hashlib
import json
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from bot.channels.pacing import Pace
from bot.channels.zalo_oa import ZaloOaChannel, ZaloOaSettings
from bot.channels.zalo_oa_events import PRESSED, Signed, parse, recipient_of, signed_by
from bot.channels.zalo_oa_tokens import AGAIN_S
from bot.observe import set_up_logs
from flows.effects import Button
from handlers.alarms import NOT_ALLOWED, TOKEN_LOST
from handlers.errors import StorageUnavailable
from handlers.model import Address, InboundMessage, MessageKind, Outcome, Outgoing
from storage.budgets import LocalBudgets
from tests.fakes.zalo_oa import APP_ID, APP_SECRET, FIRST_REFRESH, OA_ID, OA_SECRET, FakeZaloOa

WHO = "5200000000000000042"
HER = Address("zalo", WHO)


def keyed(text: str) -> str:
    return hashlib.sha256(b"key" + text.encode()).hexdigest()


def read(event: dict[str, Any], oa_id: str = "") -> InboundMessage | None:
    return parse("zalo", event, keyed, oa_id)


def event(name: str, **more: Any) -> dict[str, Any]:
    return {
        "app_id": APP_ID, "event_name": name, "timestamp": "1789033572455", "sender": {"id": WHO, "name": "CanaryName"},
        "recipient": {"id": OA_ID}, "user_id_by_app": "canary-by-app", **more,
    }  # fmt: skip


def said(text: str, **more: Any) -> dict[str, Any]:
    return event("user_send_text", message={"text": text, "msg_id": "m1", **more})


# --- events ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("raw", "kind", "text"),
    [
        (said("chào"), MessageKind.TEXT, "chào"),
        (said("#khác"), MessageKind.TEXT, "#khác"),
        (said(""), MessageKind.UNSUPPORTED, ""),
        (said("nửa \ud800 chữ"), MessageKind.TEXT, "nửa ? chữ"),
        (event("user_send_link", message={"text": "em gửi", "msg_id": "m"}), MessageKind.TEXT, "em gửi"),
        (event("user_send_image", message={"text": "cứu em", "msg_id": "m"}), MessageKind.UNSUPPORTED, "cứu em"),
        (event("user_send_sticker", message={"msg_id": "m"}), MessageKind.UNSUPPORTED, ""),
        (event("user_send_something_new"), MessageKind.UNSUPPORTED, ""),
        (event("user_send_text", message={"text": {"new": "shape"}, "msg_id": "m"}), MessageKind.UNSUPPORTED, ""),
        (event("user_submit_info", info={"name": "Canary", "phone": "84900000000"}), MessageKind.UNSUPPORTED, ""),
    ],
)
def test_whoever_writes_is_a_person(raw: dict[str, Any], kind: MessageKind, text: str) -> None:
    message = read(raw)
    assert message is not None
    assert (message.kind, message.text, message.address) == (kind, text, HER)


def test_a_press_comes_as_a_text_and_is_a_choice() -> None:
    message = read(said(f"{PRESSED}a1b2c3-4.0"))
    assert message is not None
    assert (message.kind, message.choice, message.text) == (MessageKind.CHOICE, "a1b2c3-4.0", "")


@pytest.mark.parametrize(
    ("lat", "lon", "good"), [("22.40", "103.4", True), (22.4, 103.4, True), ("x", "1", False), ("95", "1", False)]
)
def test_a_point_has_coordinates_as_strings_and_the_name_of_the_place_is_dropped(
    lat: Any, lon: Any, good: bool
) -> None:
    payload = {"coordinates": {"latitude": lat, "longitude": lon}}
    raw = event(
        "user_send_location",
        message={"attachments": [{"type": "location", "payload": payload}], "text": "Nhà Canary", "msg_id": "m"},
    )
    message = read(raw)
    assert message is not None
    assert message.kind is (MessageKind.LOCATION if good else MessageKind.UNSUPPORTED)
    assert message.point == ((22.4, 103.4) if good else None)
    assert "Canary" not in message.text


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("follow", MessageKind.JOINED), ("unfollow", MessageKind.BLOCKED), ("user_click_chatnow", MessageKind.JOINED),
        ("user_withdraw", MessageKind.WITHDRAWN),
    ],
)  # fmt: skip
def test_signs_about_a_person_without_a_message(name: str, kind: MessageKind) -> None:
    for who in ({"follower": {"id": WHO}}, {"user_id": WHO}):
        raw = {"app_id": APP_ID, "event_name": name, "timestamp": "1789033572455", "oa_id": OA_ID, **who}
        message = read(raw, OA_ID)
        assert message is not None
        assert (message.kind, message.address) == (kind, HER)
        assert WHO not in message.message_id, "ids are kept in clear"
        assert message.message_id == read(raw).message_id  # type: ignore[union-attr]
        assert message.message_id != read({**raw, "timestamp": "1789033572456"}).message_id  # type: ignore[union-attr]


@pytest.mark.parametrize(
    "name",
    ["oa_send_text", "oa_send_image", "user_seen_message", "user_received_message", "user_send_group_text",
     "user_reacted_message"],
)  # fmt: skip
def test_echoes_and_groups_are_nobodys_message(name: str) -> None:
    assert read(event(name, message={"text": "x", "msg_id": "m", "msg_ids": ["a"]})) is None
    assert read(event(name, message={"text": {"new": "shape"}})) is None


def test_another_accounts_events_are_not_ours() -> None:
    assert read(event("user_send_text", recipient={"id": "999"}, message={"text": "x", "msg_id": "m"}), OA_ID) is None


def test_a_visitor_without_an_account_has_an_address_of_her_conversation() -> None:
    message = read(event("anonymous_send_text", message={"text": "em hỏi", "msg_id": "m", "conversation_id": "c7"}))
    assert message is not None
    assert message.text == "em hỏi"
    assert recipient_of(message.address.platform_id) == {"anonymous_id": WHO, "conversation_id": "c7"}
    assert recipient_of(WHO) == {"user_id": WHO}
    assert read(event("anonymous_send_text", message={"text": "x", "msg_id": "m"})) is None, "nowhere to answer"


plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
names = st.sampled_from(
    [
        "event_name",
        "sender",
        "id",
        "message",
        "text",
        "msg_id",
        "timestamp",
        "attachments",
        "follower",
        "user_id",
        "payload",
    ]
)
known = st.sampled_from(["user_send_text", "anonymous_send_text", "follow", "user_withdraw", "user_send_location"])


@given(raw=st.dictionaries(names, plain | known | st.dictionaries(names, plain, max_size=4), max_size=6) | plain)
def test_whatever_comes_is_a_message_nothing_or_said_to_be_no_event(raw: Any) -> None:
    try:
        message = parse("zalo", raw, keyed)
    except ValueError:  # msgspec's ValidationError is one
        return
    if message is not None:
        (message.text + message.choice).encode()
        assert message.address.platform_id
        assert message.message_id


@given(extra=st.dictionaries(st.text(max_size=8), plain, max_size=4))
def test_only_whitelisted_fields_survive(extra: dict[str, Any]) -> None:
    raw = said("chào") | {f"x_{name}": value for name, value in extra.items()}
    message = read({**raw, "info": {"name": "Canary", "phone": "84900"}})
    assert message is not None
    kept = repr([getattr(message, name) for name in ("address", "message_id", "kind", "text", "choice", "point")])
    assert "anary" not in kept
    assert "84900" not in kept


# --- signatures --------------------------------------------------------------------------------------------------------------

US = Signed(APP_ID, OA_ID, OA_SECRET)


def sign(body: bytes, stamp: str, first: str = APP_ID, secret: str = OA_SECRET) -> str:
    return hashlib.sha256(first.encode() + body + stamp.encode() + secret.encode()).hexdigest()


@pytest.mark.parametrize(
    ("first", "stamp", "variant"),
    [(APP_ID, "17", "app-body"), (OA_ID, "17", "oa-body"), (APP_ID, "18", "app-header"), (OA_ID, "18", "oa-header")],
)
@pytest.mark.parametrize("prefix", ["mac=", "", " mac= "])
def test_each_version_of_the_signature_that_sources_name_is_taken(
    first: str, stamp: str, variant: str, prefix: str
) -> None:
    body = b'{"event_name": "follow", "timestamp": "17"}'
    assert signed_by(body, prefix + sign(body, stamp, first), "18", US) == variant
    bare = b'{"timestamp": 17}'
    assert signed_by(bare, sign(bare, "17", first), "", US).endswith("-body")


def test_the_raw_bytes_are_signed_and_not_what_they_mean() -> None:
    body = b'{"timestamp":"17","message":{"text":"ch\xc3\xa0o"}}'
    mac = sign(body, "17")
    assert signed_by(body, mac, "", US)
    for other in (body + b" ", body.replace(b"17", b"18"), json.dumps(json.loads(body)).encode(), b""):
        assert signed_by(other, mac, "", US) == ""


@given(header=st.text(max_size=80) | st.text("0123456789abcdef", min_size=64, max_size=64), body=st.binary(max_size=60))
def test_no_forgery_is_taken(header: str, body: bytes) -> None:
    assert signed_by(body, header, "17", US) == ""
    assert signed_by(body, sign(body, "17", secret=""), "17", Signed(APP_ID, OA_ID, "")) == "", (
        "no secret takes nothing"
    )


# --- the channel ----------------------------------------------------------------------------------------------------


class MemoryVault:
    """The vault in memory, with a say in whether it can be written."""

    def __init__(self) -> None:
        self.kept: dict[str, str] = {}
        self.away = 0
        self.holder = ""
        self.writes: list[str] = []

    async def get(self, name: str) -> str | None:
        return self.kept.get(name)

    async def put(self, name: str, value: str) -> None:
        if self.away:
            self.away -= 1
            raise StorageUnavailable("disk full")
        self.kept[name] = value
        self.writes.append(value)

    async def take(self, name: str, holder: str, seconds: float) -> bool:
        if self.holder not in ("", holder):
            return False
        self.holder = holder
        return True

    async def give_back(self, name: str, holder: str) -> None:
        if self.holder == holder:
            self.holder = ""


class Bells:
    def __init__(self) -> None:
        self.standing: set[tuple[str, str]] = set()
        self.heard: list[tuple[str, str]] = []

    async def sound(self, name: str, code: str) -> None:
        self.standing.add((name, code))
        self.heard.append((name, code))

    async def hush(self, name: str, code: str) -> None:
        self.standing.discard((name, code))


class Hours:
    def __init__(self) -> None:
        self.now = datetime(2026, 11, 23, 2, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def pass_(self, **by: float) -> None:
        self.now += timedelta(**by)


class World:
    """One account with its platform."""

    def __init__(self, fake: FakeZaloOa, hours: Hours) -> None:
        self.fake, self.hours = fake, hours
        self.vault, self.bells = MemoryVault(), Bells()
        self.seed = FIRST_REFRESH
        self.opened: list[ZaloOaChannel] = []

    def channel(self, **settings: Any) -> ZaloOaChannel:
        """Another process of the same installation."""
        written = ZaloOaSettings(
            **{
                "app_id": APP_ID, "app_secret": APP_SECRET, "webhook_secret": OA_SECRET, "seed": lambda: self.seed,
                "base_url": self.fake.base_url, "oauth_url": self.fake.base_url, "per_minute": 1000, **settings,
            }
        )  # fmt: skip
        one = ZaloOaChannel(
            "zalo", written, vault=self.vault, alarms=self.bells, budgets=LocalBudgets(), clock=self.hours
        )
        self.opened.append(one)
        return one


@asynccontextmanager
async def opened() -> AsyncIterator[World]:
    hours = Hours()
    fake = await FakeZaloOa(lambda: hours.now.timestamp()).start()
    fake.heard[WHO] = hours.now.timestamp()
    world = World(fake, hours)
    try:
        yield world
    finally:
        for channel in world.opened:
            await channel.close()
        await fake.stop()


@pytest.fixture
async def world() -> AsyncIterator[World]:
    async with opened() as one:
        yield one


async def test_texts_and_buttons_arrive_as_the_platform_wants_them(world: World) -> None:
    channel = world.channel()
    buttons = tuple(Button(f"Cách {letter}", f"q.{letter}") for letter in "abcdefg")
    assert (await channel.send(HER, Outgoing(text="Bạn chọn nhé.", buttons=buttons))).outcome is Outcome.SENT
    assert [[title for title, _ in shown.buttons] for shown in world.fake.of(WHO)] == [
        ["Cách a", "Cách b", "Cách c", "Cách d", "Cách e"],
        ["Cách f", "Cách g"],
    ]
    assert world.fake.of(WHO)[0].buttons[0][1] == f"{PRESSED}q.a"
    await channel.send(HER, Outgoing(text="câu dài. " * 500))
    assert "".join("".join(shown.text for shown in world.fake.of(WHO)[2:]).split()).count("câudài.") == 500
    assert world.fake.violations == []


async def test_the_first_token_is_fetched_stored_and_used(world: World) -> None:
    channel = world.channel()
    await channel.send(HER, Outgoing(text="một"))
    await channel.send(HER, Outgoing(text="hai"))
    assert world.fake.refreshes == 1
    assert world.fake.access in world.vault.writes[-1]
    assert world.fake.refresh in world.vault.writes[-1]
    world.hours.pass_(hours=21)
    world.fake.heard[WHO] = world.hours.now.timestamp()
    await channel.send(HER, Outgoing(text="ba"))
    assert world.fake.refreshes == 2, "refreshed before its day is over"
    assert [shown.text for shown in world.fake.of(WHO)] == ["một", "hai", "ba"]
    assert world.fake.violations == []


async def test_many_who_need_a_token_at_once_refresh_once(world: World) -> None:
    first, second = world.channel(), world.channel()
    results = await asyncio.gather(
        *(channel.send(HER, Outgoing(text=f"tin {n}")) for n in range(10) for channel in (first, second))
    )
    assert {result.outcome for result in results} == {Outcome.SENT}
    assert world.fake.refreshes == 1
    assert world.fake.violations == []


async def test_another_process_takes_over_what_is_stored(world: World) -> None:
    await world.channel().send(HER, Outgoing(text="một"))
    await world.channel().send(HER, Outgoing(text="hai"))
    assert world.fake.refreshes == 1


async def test_a_token_the_platform_takes_no_more_is_exchanged_and_the_line_goes_out(world: World) -> None:
    channel = world.channel()
    await channel.send(HER, Outgoing(text="một"))
    world.fake.access = "revoked-by-the-platform"
    assert (await channel.send(HER, Outgoing(text="hai"))).outcome is Outcome.SENT
    assert world.fake.refreshes == 2


async def test_new_tokens_are_durable_before_anything_uses_them(world: World) -> None:
    channel = world.channel()
    world.vault.away = 3
    sending = asyncio.create_task(channel.send(HER, Outgoing(text="một")))
    await asyncio.sleep(0.7)
    assert world.fake.refreshes == 1
    assert world.fake.of(WHO) == [], "the only copy of the new tokens is not stored yet"
    assert (await sending).outcome is Outcome.SENT
    assert world.fake.refresh in world.vault.writes[-1]
    assert world.fake.violations == []


async def test_a_send_that_is_given_up_does_not_lose_the_tokens(world: World) -> None:
    channel = world.channel()
    world.vault.away = 3
    sending = asyncio.create_task(channel.send(HER, Outgoing(text="một")))
    await asyncio.sleep(0.3)
    sending.cancel()
    await asyncio.gather(sending, return_exceptions=True)
    await channel.close()
    assert world.fake.refresh in world.vault.writes[-1]


@pytest.mark.parametrize("fault", ["500", "reset"])
async def test_a_refresh_that_did_not_reach_the_platform_is_tried_again(world: World, fault: str) -> None:
    channel = world.channel()
    world.fake.refresh_faults.append(fault)
    result = await channel.send(HER, Outgoing(text="một"))
    assert (result.outcome, result.error_class) == (Outcome.RETRY, "NoToken")
    asked = len(world.fake.calls)
    await channel.send(HER, Outgoing(text="một"))
    assert len(world.fake.calls) == asked, "not asked again at once"
    world.hours.pass_(seconds=AGAIN_S + 1)
    assert (await channel.send(HER, Outgoing(text="một"))).outcome is Outcome.SENT
    assert world.bells.heard == []


async def test_a_lost_pair_rings_and_a_new_first_token_heals_it_without_a_restart(world: World) -> None:
    channel = world.channel()
    world.fake.refresh_faults.append("lost")  # the platform has spent our token, and we never saw the new ones
    await channel.send(HER, Outgoing(text="một"))
    world.hours.pass_(seconds=AGAIN_S + 1)
    result = await channel.send(HER, Outgoing(text="một"))
    assert (result.outcome, result.error_class) == (Outcome.RETRY, "NoToken")
    assert world.bells.standing == {("zalo", TOKEN_LOST)}
    world.fake.refresh = world.seed = "a-new-one-from-the-console"
    world.hours.pass_(seconds=AGAIN_S + 1)
    assert (await channel.send(HER, Outgoing(text="một"))).outcome is Outcome.SENT
    assert world.bells.standing == set()
    world.seed = ""  # the operator has taken the file away again: the line of tokens goes on
    world.hours.pass_(hours=21)
    world.fake.heard[WHO] = world.hours.now.timestamp()
    assert (await channel.send(HER, Outgoing(text="hai"))).outcome is Outcome.SENT


@pytest.mark.parametrize(
    ("fault", "outcome", "error_class"),
    [
        ("500", Outcome.RETRY, "Status500"), ("reset", Outcome.RETRY, "ServerDisconnectedError"),
        ("lost", Outcome.RETRY, "ServerDisconnectedError"), ("garbage", Outcome.RETRY, "Status200"),
        ("error:-32", Outcome.RETRY, "Zalo-32"), ("error:-230", Outcome.FAILED, "WindowShut"),
        ("error:-232", Outcome.FAILED, "WindowShut"), ("error:-213", Outcome.BLOCKED, "Zalo-213"),
        ("error:-244", Outcome.BLOCKED, "Zalo-244"), ("error:-227", Outcome.BLOCKED, "Zalo-227"),
        ("error:-201", Outcome.FAILED, "Zalo-201"), ("error:-224", Outcome.RETRY, "Zalo-224"),
        ("error:-99999", Outcome.RETRY, "Zalo-99999"),
    ],
)  # fmt: skip
async def test_what_the_platform_answers_is_an_outcome(
    world: World, fault: str, outcome: Outcome, error_class: str
) -> None:
    world.fake.faults.append(fault)
    result = await world.channel().send(HER, Outgoing(text="chào"))
    assert (result.outcome, result.error_class) == (outcome, error_class)
    assert (("zalo", NOT_ALLOWED) in world.bells.standing) is (fault == "error:-224")


async def test_a_throttled_account_waits_and_asks_nothing_meanwhile(world: World) -> None:
    channel = world.channel()
    world.fake.faults.append("error:-32")
    result = await channel.send(HER, Outgoing(text="chào"))
    assert result.retry_after == timedelta(seconds=60)
    asked = len(world.fake.calls)
    held = await channel.send(HER, Outgoing(text="chào"))
    assert (held.outcome, held.error_class) == (Outcome.RETRY, "Throttled")
    assert len(world.fake.calls) == asked


async def test_the_minutes_budget_is_kept(world: World) -> None:
    channel = world.channel(per_minute=12)
    results = [await channel.send(HER, Outgoing(text=f"tin {n}")) for n in range(5)]
    assert [result.outcome for result in results] == [Outcome.SENT] * 3 + [Outcome.RETRY] * 2
    assert results[-1].retry_after is not None
    assert len(world.fake.of(WHO)) == 3


async def test_parts_that_arrived_are_not_sent_again(world: World) -> None:
    channel = world.channel()
    await channel.send(HER, Outgoing(text="để có khóa"))
    long = Outgoing(text="câu dài. " * 500)
    world.fake.faults.extend(["", "error:-32"])
    assert (await channel.send(HER, long, "row 1")).outcome is Outcome.RETRY
    channel._pace = Pace(LocalBudgets())  # the minute is over
    assert (await channel.send(HER, long, "row 1")).outcome is Outcome.SENT
    shown = [message.text for message in world.fake.of(WHO)[1:]]
    assert len(shown) == len(set(shown)) or "".join("".join(shown).split()).count("câudài.") == 500
    assert "".join("".join(shown).split()).count("câudài.") == 500


async def test_where_buttons_are_refused_choices_are_numbered(world: World) -> None:
    channel = world.channel()
    world.fake.refuses_buttons = True
    asks = Outgoing(text="Bạn ổn không?", buttons=(Button("Có", "q.0"), Button("Không", "q.1")))
    assert (await channel.send(HER, asks, "row 1")).outcome is Outcome.SENT
    assert "1. Có\n2. Không" in world.fake.of(WHO)[0].text
    await channel.send(HER, asks, "row 2")
    assert [name for name, _ in world.fake.calls].count("message") == 3, "the second time it is not even tried"


async def test_a_message_refused_for_another_reason_says_nothing_about_buttons(world: World) -> None:
    channel = world.channel()
    world.fake.faults.extend(["error:-201", "error:-201"])
    asks = Outgoing(text="Bạn ổn không?", buttons=(Button("Có", "q.0"), Button("Không", "q.1")))
    assert (await channel.send(HER, asks)).outcome is Outcome.FAILED
    await channel.send(HER, asks)
    assert world.fake.of(WHO)[0].buttons, "buttons are tried still"


async def test_a_visitor_without_an_account_is_answered_in_her_conversation(world: World) -> None:
    world.fake.heard["v1"] = world.hours.now.timestamp()
    asks = Outgoing(text="Bạn ổn không?", buttons=(Button("Có", "q.0"), Button("Không", "q.1")))
    assert (await world.channel().send(Address("zalo", "anon:v1:c7"), asks)).outcome is Outcome.SENT
    assert world.fake.of("v1")[0].buttons == []
    assert world.fake.calls[-1][1]["recipient"] == {"anonymous_id": "v1", "conversation_id": "c7"}
    assert world.fake.violations == []


async def test_the_check_tells_whether_the_account_answers(world: World) -> None:
    good = await world.channel(oa_id=OA_ID).check()
    assert [finding.fine for finding in good] == [True, False, True], "the webhook has no public address here"
    assert not (await world.channel(oa_id="777").check())[0].fine
    world.vault.kept.clear()
    world.fake.refresh = "somebody-else-has-refreshed"
    lost = (await world.channel().check())[0]
    assert not lost.fine
    assert "console" in lost.words


NOTHING_ANSWERS = "http://127.0.0.1:9"


@pytest.mark.parametrize("where", ["api", "oauth"])
async def test_no_failure_carries_a_token_or_a_text_anywhere(
    world: World, where: str, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    set_up_logs("debug")
    logging.getLogger().addHandler(caplog.handler)
    caplog.set_level(logging.DEBUG)
    try:
        channel = world.channel(**({"base_url": NOTHING_ANSWERS} if where == "api" else {"oauth_url": NOTHING_ANSWERS}))
        result = await channel.send(HER, Outgoing(text="chim hoàng yến"))
        world.fake.refresh = "other"
        await world.channel().send(HER, Outgoing(text="chim hoàng yến"))
        findings = await channel.check()
    finally:
        structlog.reset_defaults()
    assert result.outcome is Outcome.RETRY
    out = capfd.readouterr()
    texts = [out.out, out.err, caplog.text, repr(result), repr(channel), repr(channel._settings), repr(findings)]
    secrets = [APP_SECRET, OA_SECRET, FIRST_REFRESH, "chim hoàng yến", WHO, *world.fake.spent]
    secrets += [world.fake.access] if world.fake.access else []
    assert [secret for secret in secrets for text in texts if secret in text] == []


def test_a_webhook_without_a_secret_is_refused() -> None:
    settings = ZaloOaSettings(app_id=APP_ID, app_secret="x", webhook_secret="", seed=lambda: "")
    make: Callable[[], Any] = lambda: ZaloOaChannel(  # noqa: E731
        "zalo", settings, vault=MemoryVault(), alarms=Bells(), budgets=LocalBudgets()
    )
    with pytest.raises(ValueError, match="without a secret"):
        make()
