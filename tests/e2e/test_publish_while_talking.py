"""A thousand people are talking while half of the steps are deleted or renamed: nobody is thrown out, nobody starts anew."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from datetime import timedelta
from itertools import count
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import yaml

from bot import shipped, wiring, worlds
from bot.worlds import WorldSource
from flows.difference import Kind, difference
from flows.loader import load, version_of
from flows.session import Session
from handlers import publishing
from handlers.duty import EverybodyByRole
from handlers.escalation import Escalations
from handlers.inbound import Inbound
from handlers.model import Address, Contact, InboundMessage, MessageKind
from handlers.stays import Ending
from handlers.world import Worlds
from storage.open import MEMORY, Storage, open_storage
from tests.e2e.harness import Page, eventually, program
from tests.unit.flows.sample_set import changed, library_of

ZONE = ZoneInfo("Asia/Ho_Chi_Minh")
PEOPLE = 1000
AT_ONCE = 24  # who write in the same moment: storage refuses what it cannot take within 1.5 s, also on a busy machine
TALKS = (  # what each has typed before, and what she types after the publish
    (("chào",), "Có"),
    (("chào", "Có"), "Tôi"),
    (("chào", "Có"), "linh tinh"),
    (("chào", "Có", "Tôi"), "Bỏ qua"),
    (("chào", "gặp người"), "Thôi"),
)
REMOVED = ("where", "find", "show", "nothing")


def lexicon() -> dict[str, bytes]:
    return {name: content for name, content in shipped.content_files().items() if name.startswith("lexicon/")}


def before() -> dict[str, bytes]:
    return {**changed([]), **lexicon()}


def after() -> dict[str, bytes]:
    """The same set with four steps of the welcome deleted and every second step of every flow under another name."""
    files = before()
    for name in [name for name in files if name.startswith("flows/")]:
        flow: dict[str, Any] = yaml.load(files[name], Loader=yaml.BaseLoader)
        steps = flow["steps"]
        for step in REMOVED if flow["flow"] == "welcome" else ():
            del steps[step]
        renamed = {step: f"{step}_new" for index, step in enumerate(steps) if index % 2 == 0}
        if flow["flow"] == "welcome":
            renamed |= dict.fromkeys(REMOVED, "bye")
            renamed["bye"] = "bye"
        flow["start"] = renamed.get(flow["start"], flow["start"])
        flow["steps"] = {renamed.get(step, step): _pointed_anew(part, renamed) for step, part in steps.items()}
        files[name] = yaml.safe_dump(flow, allow_unicode=True, sort_keys=False).encode()
    files["set.yaml"] = (
        files["set.yaml"]
        .replace(b"  place: {type: place, label: X\xc3\xa3}\n", b"")
        .replace(b"  services: {type: services}\n", b"")
    )
    return files


def moved() -> dict[str, str]:
    """Where every renamed step of the old set is now."""
    old, new = library_of(before()), library_of(after())
    places = [f"{flow}.{step}" for flow, part in old.flows.items() for step in part.steps]
    there = {f"{flow}.{step}" for flow, part in new.flows.items() for step in part.steps}
    return {place: f"{place}_new" for place in places if place not in there and f"{place}_new" in there}


def after_with_a_map() -> dict[str, bytes]:
    files = after()
    lines = "".join(f"  {place}: {now}\n" for place, now in moved().items())
    files["set.yaml"] = files["set.yaml"].replace(b"words:\n", f"moved:\n{lines}words:\n".encode(), 1)
    return files


def _pointed_anew(part: Any, renamed: dict[str, str]) -> Any:
    if isinstance(part, list):
        return [_pointed_anew(item, renamed) for item in part]
    if not isinstance(part, dict):
        return part
    targets = ("goto", "next", "else", "skip", "on_release")
    return {
        key: renamed.get(value, value) if key in targets and isinstance(value, str) else _pointed_anew(value, renamed)
        for key, value in part.items()
    }


class Hotline:
    """Storage in memory, the real handling of messages, and the watch that takes new content over."""

    def __init__(self, storage: Storage, source: WorldSource, current: Worlds) -> None:
        self.storage, self.source, self.worlds = storage, source, current
        ending = Ending(ZONE)
        self.inbound = Inbound(current, Escalations(EverybodyByRole(), current, ending), ending)
        self.numbers = count()

    async def types(self, person: int, text: str) -> str:
        """She types and is handled; the uid of her contact."""
        message = InboundMessage(
            address=Address("web", f"person-{person}"),
            message_id=str(next(self.numbers)),
            kind=MessageKind.TEXT,
            text=text,
        )
        accepted = await self.storage.door.run(self.inbound.accept, message)
        assert not await self.storage.door.run(self.inbound.handle, accepted.contact_uid)
        return accepted.contact_uid

    async def all_type(self, people: Sequence[int], texts: Sequence[str]) -> list[str]:
        few = asyncio.Semaphore(AT_ONCE)

        async def one(person: int, text: str) -> str:
            async with few:
                return await self.types(person, text)

        return list(await asyncio.gather(*map(one, people, texts)))

    async def contacts(self, uids: Sequence[str]) -> list[Contact]:
        return await self.storage.door.read(lambda uow: [uow.contacts.get(uid) for uid in uids])

    async def begin(self, people: Sequence[int]) -> list[str]:
        """Everybody comes to where her talk stands."""
        uids: list[str] = []
        for turn in range(3):
            those = [person for person in people if turn < len(TALKS[person % len(TALKS)][0])]
            came = await self.all_type(those, [TALKS[person % len(TALKS)][0][turn] for person in those])
            uids = uids or came
        return uids

    async def go_on(self, people: Sequence[int]) -> None:
        await self.all_type(people, [TALKS[person % len(TALKS)][1] for person in people])


@pytest.fixture
async def hotline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Hotline]:
    monkeypatch.setattr(worlds, "LOOK_EVERY_S", 0.02)
    for name, content in before().items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(content)
    storage = open_storage(MEMORY)
    source = WorldSource(storage.door, ZONE, tmp_path)
    made = Hotline(storage, source, await source.begin())
    watching = asyncio.create_task(source.watch(made.worlds))
    yield made
    watching.cancel()
    await asyncio.gather(watching, return_exceptions=True)
    await storage.close()


async def published(hotline: Hotline, files: dict[str, bytes], instead_of: str) -> str:
    command = publishing.Publish(files=files, by="Mai", instead_of=instead_of)
    done = await hotline.storage.door.run(publishing.publish, command)
    for _ in range(500):
        if hotline.worlds.current.library.version == done.version:
            return done.version
        await asyncio.sleep(0.02)
    raise AssertionError("the new version was not taken over")


def test_half_of_the_steps_are_gone_or_renamed() -> None:
    """The proof below is worth something only while this holds."""
    old, new = library_of(before()), library_of(after())
    kinds = Counter(change.kind for change in difference(old, new))
    gone = {f"{flow}.{step}" for flow, part in old.flows.items() for step in part.steps} - {
        f"{flow}.{step}" for flow, part in new.flows.items() for step in part.steps
    }
    assert len(gone) >= sum(len(flow.steps) for flow in old.flows.values()) / 2
    assert kinds[Kind.REMOVED] >= len(REMOVED)
    assert kinds[Kind.RENAMED] >= 2


async def test_a_thousand_talks_survive_a_publish(hotline: Hotline) -> None:
    old = version_of(before())
    # What happens to each kind of talk when nothing is published.
    control = range(PEOPLE, PEOPLE + len(TALKS))
    control_uids = await hotline.begin(control)
    await hotline.go_on(control)
    expected = [_stand(contact) for contact in await hotline.contacts(control_uids)]

    people = range(PEOPLE)
    uids = await hotline.begin(people)
    standing = await hotline.storage.door.read(lambda uow: uow.contacts.standing(uow.now - timedelta(minutes=30)))
    assert publishing.by_version(standing)[old] >= PEOPLE
    assert publishing.by_step(standing, old)["welcome.where"] >= PEOPLE // len(TALKS)

    new = await published(hotline, after(), old)
    await hotline.go_on(people)
    contacts = await hotline.contacts(uids)
    for person, contact in enumerate(contacts):
        assert _stand(contact) == expected[person % len(TALKS)]
        assert contact.content_version == old
        assert contact.pending == 0

    # Whoever begins anew after the end of her talk is met by the new version.
    ended = next(person for person, contact in enumerate(contacts) if _stand(contact)[1] == "ended")
    assert (await hotline.contacts([await hotline.types(ended, "chào")]))[0].content_version == new


async def test_whoever_stands_where_the_map_says_goes_on_in_the_new_version(hotline: Hotline) -> None:
    old, now = version_of(before()), moved()
    kinds = len(TALKS)
    in_the_old, people, in_the_new = range(kinds), range(kinds, 40 * kinds), range(40 * kinds, 41 * kinds)
    uids = await hotline.begin(in_the_old)
    await hotline.go_on(in_the_old)
    finished = [_stand(contact) for contact in await hotline.contacts(uids)]
    uids = await hotline.begin(people)
    stood = [_stand(contact)[0] for contact in await hotline.contacts(uids)]

    new = await published(hotline, after_with_a_map(), old)
    await hotline.go_on(people)
    new_uids = await hotline.begin(in_the_new)
    await hotline.go_on(in_the_new)
    gone_on = [_stand(contact) for contact in await hotline.contacts(new_uids)]
    for person, place, contact in zip(people, stood, await hotline.contacts(uids), strict=True):
        goes = place in now
        assert contact.content_version == (new if goes else old)
        assert _stand(contact) == (gone_on if goes else finished)[person % kinds]
    assert {place in now for place in stood} == {True, False}  # both kinds were among them


async def test_a_rollback_brings_the_old_version_back_to_whoever_comes_next(hotline: Hotline) -> None:
    old = version_of(before())
    new = await published(hotline, after(), old)
    (begun,) = await hotline.contacts([await hotline.types(1, "chào")])
    command = publishing.RollBack(version=old, by="Mai", instead_of=new)
    await hotline.storage.door.run(publishing.roll_back, command)
    for _ in range(500):
        if hotline.worlds.current.library.version == old:
            break
        await asyncio.sleep(0.02)
    (other,) = await hotline.contacts([await hotline.types(2, "chào")])
    (same,) = await hotline.contacts([await hotline.types(1, "Có")])
    assert (begun.content_version, same.content_version, other.content_version) == (new, new, old)
    assert _stand(same)[0] == "welcome.who_new"


async def test_a_running_service_takes_over_what_a_command_publishes(tmp_path: Path) -> None:
    """Another connection to the same database publishes; the page that is opened next speaks the new version."""
    content = tmp_path / "content"
    for name, file in before().items():
        (content / name).parent.mkdir(parents=True, exist_ok=True)
        (content / name).write_bytes(file)
    async with program(tmp_path, content=content) as running:
        old = Page(running)
        await old.begin()
        await old.sees("Bạn đang nhắn với máy.")
        anew = {
            **before(),
            **changed([{"file": "flows/welcome.yaml", "old": "label: Tôi,", "new": "label: Chính tôi,"}]),
        }
        async with wiring.open_content(running.service.config) as door:
            command = publishing.Publish(files=anew, by="Mai", instead_of=version_of(before()))
            done = await door.run(publishing.publish, command)
        await eventually(lambda: running.service.worlds.current.library.version == done.version, within_s=5.0)
        await old.presses("Có")
        assert "Tôi" in [button["label"] for button in (await old.sees("Ai đang cần giúp"))["buttons"]]
        new = Page(running)
        await new.begin()
        await new.sees("Bạn đang nhắn với máy.")
        await new.presses("Có")
        assert "Chính tôi" in [button["label"] for button in (await new.sees("Ai đang cần giúp"))["buttons"]]


def _stand(contact: Contact) -> tuple[str, str, str]:
    session = Session.load(contact.session or {})
    return session.place(), session.status.value, session.outcome


def test_the_changed_set_loads() -> None:
    assert load(after()).findings == ()
