"""Every mistake that loses or doubles messages, made on purpose: the checker must see each, or its green means nothing."""

from __future__ import annotations

import pytest

from tests.canaries.cage import cage
from tests.canaries.places import files_of
from tests.chaos.checker import Count, check
from tests.chaos.harness import CALM, FIRST_CHAT, Load, Program

pytestmark = pytest.mark.crash


async def _killed_once(program: Program, failpoint: str, mistake: str) -> Count:
    """Some people write, the program dies once at the failpoint, starts again (with the mistake still in it), and is counted."""
    load = Load(program.fake, chats=3, seed=5)
    load.write(6)
    await program.start(failpoint=f"{failpoint}:kill", mistake=mistake)
    assert await program.died() < 0
    await program.start(mistake=mistake)
    load.write(3)
    await program.drained()
    assert await program.stop() == 0
    count = await check(program, load)
    print(f"figure: {mistake or 'no mistake'}: {count}")
    return count


async def test_without_a_mistake_the_same_kills_are_harmless(program: Program) -> None:
    assert (await _killed_once(program, "handle.before_commit", "")).wrong() == {}


async def test_acknowledging_before_storing_loses(program: Program) -> None:
    assert (await _killed_once(program, "accept.before_commit", "acknowledge-first")).lost


async def test_marking_as_sent_before_sending_loses(program: Program) -> None:
    assert (await _killed_once(program, "send.claimed", "mark-first")).unsent


async def test_without_dedupe_a_redelivery_doubles(program: Program) -> None:
    assert (await _killed_once(program, "accept.after_commit", "no-dedupe")).doubled


async def test_effects_in_a_second_commit_get_lost(program: Program) -> None:
    assert (await _killed_once(program, "handle.before_commit", "two-commits")).lost


async def test_the_checker_sees_a_line_on_the_wrong_phone_and_one_too_many(program: Program) -> None:
    load = Load(program.fake, chats=2, seed=6)
    for chat in (FIRST_CHAT, FIRST_CHAT + 1):
        text = CALM.format(number=chat, chat=chat)
        load.written[chat] = [text]
        program.fake.types(chat, text)
    await program.start()
    await program.drained()
    assert await program.stop() == 0
    assert (await check(program, load)).wrong() == {}
    first = program.fake.of(FIRST_CHAT)[0]
    program.fake.sent.append(first)  # once more, much later and without an excuse
    assert (await check(program, load)).wrong()
    program.fake.sent.pop()
    first.chat_id = FIRST_CHAT + 1
    assert (await check(program, load)).wrong()


async def test_a_program_that_logs_people_is_seen_in_a_fault_run(program: Program) -> None:
    load = Load(program.fake, chats=3, seed=8)
    load.write(6)
    await program.start(failpoint="send.called:kill", mistake="talkative")
    assert await program.died() < 0
    await program.start(mistake="talkative")
    await program.drained()
    assert await program.stop() == 0
    found = [one for place, content in files_of(program.folder) for one in cage.look(content, place)]
    assert {one.kind for one in found} == {"her words", "a platform's id"}
    assert "/bot[token]" in program.said(), "the last net holds even then: no token leaves in a log line"
    assert {one.place for one in found} == {"output.txt"}
    program.output.unlink()  # it has served; the check after every test must find nothing else
