"""`flows init`, `publish`, `rollback`, `versions`: what an admin sees, what is refused, and the exit codes."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from bot import wiring
from bot.cli import flows_publish
from bot.cli.flows import flows_app
from bot.config import load_config
from bot.shipped import content_files
from flows.loader import read_dir, version_of
from flows.session import Frame, Session, Status
from handlers.model import Address
from tests.unit.cli.test_flows import cover
from tests.unit.flows.fake_host import FakeHost
from tests.unit.flows.sample_set import changed

AFTER = {"file": "flows/after.yaml", "old": "Máy lại trả lời bạn.", "new": "Máy lại nghe bạn đây."}


class House:
    """A configuration, a content folder, and the commands on them."""

    def __init__(self, folder: Path) -> None:
        self.content = folder / "content"
        self.config = folder / "config.yaml"
        self.config.write_text(f"var: {folder / 'var'}\n")
        for name, content in changed([]).items():
            file = self.content / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content)
        (self.content / "transcripts").mkdir()
        cover(self.content)

    @property
    def version(self) -> str:
        return version_of(read_dir(self.content))[:12]

    def edit(self, file: str, old: str, new: str) -> None:
        path = self.content / file
        text = path.read_text(encoding="utf-8")
        assert old in text
        path.write_text(text.replace(old, new), encoding="utf-8")

    def call(self, *arguments: str) -> Result:
        app = flows_app(lambda files: FakeHost())
        return CliRunner().invoke(app, [*arguments, "--config", str(self.config), "--lang", "en"])

    def publish(self, *arguments: str) -> Result:
        return self.call("publish", str(self.content), "--by", "Mai", *arguments)

    def stand(self, *places: tuple[str, str]) -> None:
        """People who wrote just now and stand on these steps of the current version."""

        async def seat() -> None:
            async with wiring.open_content(load_config(self.config)) as door:

                def work(uow, items):  # type: ignore[no-untyped-def]
                    version = uow.content.current()
                    contacts = uow.contacts.open([Address("web", str(number)) for number in range(len(places))])
                    for contact, frame in zip(contacts, places, strict=True):
                        session = Session(version=version, status=Status.WAITING, frames=(Frame(*frame),)).dump()
                        uow.contacts.save(
                            replace(contact, session=session, content_version=version, last_inbound_at=uow.now)
                        )
                    return [None for _ in items]

                await door.run(work, None)

        asyncio.run(seat())


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path)


def test_init_copies_the_shipped_set_and_never_writes_over_anything(tmp_path: Path) -> None:
    app = flows_app(lambda files: FakeHost())
    done = CliRunner().invoke(app, ["init", str(tmp_path / "mine")])
    assert (done.exit_code, done.stdout.startswith("content: copied to")) == (0, True)
    assert read_dir(tmp_path / "mine") == content_files()
    again = CliRunner().invoke(app, ["init", str(tmp_path / "mine")])
    assert (again.exit_code, again.stdout, again.stderr.count("\n")) == (2, "", 1)
    assert "is not an empty folder" in again.stderr
    (tmp_path / "file").write_text("x")
    assert CliRunner().invoke(app, ["init", str(tmp_path / "file")]).exit_code == 2


def test_from_the_first_publish_to_the_way_back(house: House) -> None:
    first = house.version
    assert house.call("versions").stdout == "Nothing is published yet.\n"
    done = house.publish("--yes")
    assert done.exit_code == 0
    assert done.stdout.splitlines()[-1].startswith(f"Published {first} (Mai).")
    assert "this is what runs" in house.publish("--yes").stdout

    house.edit("flows/after.yaml", AFTER["old"], AFTER["new"])
    second = house.version
    done = house.publish("--yes")
    assert "  after.thanks: text 'Máy lại trả lời bạn.' → 'Máy lại nghe bạn đây.'" in done.stdout
    assert [line[:14] for line in house.call("versions").stdout.splitlines()] == [f"* {second}", f"  {first}"]

    back = house.call("rollback", "--by", "An")
    assert (back.exit_code, back.stdout) == (0, f"Rolled back to {first} (instead of {second}).\n")
    lines = house.call("versions").stdout.splitlines()
    assert len(lines) == 3
    assert lines[0].startswith(f"* {first}")
    assert lines[0].endswith("  An")
    forth = house.call("rollback", second[:8], "--by", "An")
    assert forth.stdout == f"Rolled back to {second} (instead of {first}).\n"


def test_people_are_counted_beside_the_step_they_stand_on(house: House) -> None:
    house.publish("--yes")
    house.stand(("welcome", "nudge"), ("welcome", "nudge"), ("welcome", "who"), ("after", "thanks"))
    house.edit("flows/welcome.yaml", "  nudge:\n", "  soft_nudge:\n")
    house.edit("flows/welcome.yaml", "goto: nudge}", "goto: soft_nudge}")
    house.edit("flows/after.yaml", AFTER["old"], AFTER["new"])
    lines = house.publish("--yes", "--despite", "uncovered-step").stdout.splitlines()
    assert "  welcome.nudge: renamed to 'soft_nudge'  ← people here: 2" in lines
    assert any(line.startswith("  after.thanks: text") and line.endswith("  ← people here: 1") for line in lines)
    assert not any("welcome.who" in line for line in lines)
    assert any(line.startswith("Changes: 2. People talking: 4, on a changed or removed step: 3;") for line in lines)
    assert "people talking: 4" in house.call("versions").stdout.splitlines()[1]  # all of them on the older version


def test_where_people_are_moved_to_is_said(house: House) -> None:
    house.publish("--yes")
    house.stand(("welcome", "nudge"))
    house.edit("flows/welcome.yaml", "  nudge:\n", "  soft_nudge:\n")
    house.edit("flows/welcome.yaml", "goto: nudge}", "goto: soft_nudge}")
    house.edit("set.yaml", "variables:\n", "moved: {welcome.nudge: welcome.soft_nudge}\nvariables:\n")
    lines = house.publish("--yes").stdout.splitlines()
    assert "  welcome.nudge: renamed to 'soft_nudge'  ← people here: 1, they move to welcome.soft_nudge" in lines


def test_findings_are_refused_and_nothing_is_published(house: House) -> None:
    house.publish("--yes")
    before = house.call("versions").stdout
    house.edit("flows/after.yaml", AFTER["old"], "Máy lại trả lời bạn. Gọi 113.")
    refused = house.publish("--yes")
    assert refused.exit_code == 1
    assert refused.stdout.splitlines()[0].startswith("flows/after.yaml:6:5: written-number")
    assert "Not published" in refused.stdout
    assert house.call("versions").stdout == before


def test_only_untidiness_can_be_passed_by_its_name(house: House) -> None:
    house.edit("set.yaml", "  services: {type: services}\n", "  services: {type: services}\n  idle: {type: flag}\n")
    assert house.publish("--yes").exit_code == 1
    assert house.publish("--yes", "--despite", "uncovered-step").exit_code == 1
    passed = house.publish("--yes", "--despite", "unused-variable")
    assert passed.exit_code == 0
    assert "unused-variable" in passed.stdout  # said, and published
    never = house.publish("--yes", "--despite", "written-number")
    assert (never.exit_code, never.stdout) == (2, "")
    assert "must be mended" in never.stderr


def test_without_anybody_to_ask_nothing_is_published(house: House) -> None:
    house.publish("--yes")
    house.edit("flows/after.yaml", AFTER["old"], AFTER["new"])
    refused = house.publish()
    assert refused.exit_code == 2
    assert "give --yes" in refused.stderr
    assert len(house.call("versions").stdout.splitlines()) == 1


@pytest.mark.parametrize(("answer", "code", "versions"), [(True, 0, 2), (False, 1, 1)])
def test_whoever_is_asked_decides(
    house: House, monkeypatch: pytest.MonkeyPatch, answer: bool, code: int, versions: int
) -> None:
    house.publish("--yes")
    house.edit("flows/after.yaml", AFTER["old"], AFTER["new"])
    monkeypatch.setattr(flows_publish, "_somebody_is_here", lambda: True)
    monkeypatch.setattr("typer.confirm", lambda question: answer)
    assert house.publish().exit_code == code
    assert len(house.call("versions").stdout.splitlines()) == versions


def test_a_published_set_that_this_program_cannot_read_can_be_replaced(house: House) -> None:
    """After an upgrade of the program the old content may be unreadable: publishing must work all the same."""
    house.publish("--yes")

    async def spoil() -> None:
        async with wiring.open_content(load_config(house.config)) as door:
            from handlers.ports import ContentSet

            def work(uow, items):  # type: ignore[no-untyped-def]
                files = {"set.yaml": b"nonsense: 1\n"}
                uow.content.publish(
                    ContentSet(version="0" * 64, files=files, published_at=uow.now, published_by="earlier program")
                )
                return [None for _ in items]

            await door.run(work, None)

    asyncio.run(spoil())
    done = house.publish("--yes")
    assert done.exit_code == 0
    assert "no readable version to compare with" in done.stdout


def test_rollback_says_when_there_is_nothing_to_go_back_to(house: House) -> None:
    from handlers.publishing import NoSuchVersion, NothingBefore

    house.publish("--yes")
    assert isinstance(house.call("rollback").exception, NothingBefore)
    assert isinstance(house.call("rollback", "ffffff").exception, NoSuchVersion)
    assert house.call("rollback", house.version).stdout == "This is what runs.\n"
