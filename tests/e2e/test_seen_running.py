"""Metrics and status of the real program: one process, and several on one database that see each other."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from aiohttp.test_utils import TestClient, TestServer
from prometheus_client.parser import text_string_to_metric_families

from bot.config import Config
from bot.roles import Role
from bot.web.status_words import BAD, status
from bot.wiring import Service, backup_database, open_auditor
from tests.e2e.harness import Page, eventually, program
from tests.e2e.test_several_processes import house
from tests.fakes.telegram import TOKEN, FakeTelegram

COLLECTOR = "the-token-of-the-collector-0123456789"


def written(tmp_path: Path) -> dict[str, Any]:
    (tmp_path / "collector").write_text(COLLECTOR)
    return {"metrics": {"token": f"file:{tmp_path}/collector"}}


def parsed(text: str) -> dict[str, float]:
    found = {}
    for family in text_string_to_metric_families(text):
        for one in family.samples:
            labels = ",".join(f"{name}={value}" for name, value in one.labels.items())
            found[f"{one.name}{{{labels}}}" if labels else one.name] = one.value
    return found


async def test_one_process_says_what_it_does_and_how_it_stands(tmp_path: Path) -> None:
    async with program(tmp_path, **written(tmp_path)) as running:

        async def said() -> dict[str, float]:
            headers = {"Authorization": f"Bearer {COLLECTOR}"}
            async with running.http.get(f"{running.base}/metrics", headers=headers) as answer:
                return parsed(await answer.text())

        async def settled() -> bool:
            now = await said()
            return now["binhan_part_silent_seconds{part=channel:tg}"] < 60 and now["binhan_auditor_silent_seconds"] < 60

        page = Page(running)
        await page.begin()
        running.telegram.types(748_190_235, "chồng đang cầm dao đánh em, cứu em với")
        await running.rings()
        await eventually(settled, "every part has shown a sign of life")
        await asyncio.to_thread(backup_database, running.service.config, tmp_path / "backup", include_secrets=False)
        await asyncio.sleep(1.1)
        now = await said()
        assert now["binhan_database_up"] == now["binhan_ready"] == 1
        assert now["binhan_messages_accepted_total{channel=tg}"] == 1
        assert now["binhan_turns_total{outcome=handled}"] >= 2
        assert now["binhan_sends_total{kind=card,outcome=sent}"] >= 1
        assert now["binhan_escalations_open{state=ringing}"] == 1
        assert now["binhan_cases_listed{severity=emergency}"] == 1
        assert now["binhan_on_duty{rung=on_duty}"] == 1
        assert now["binhan_backup_age_seconds"] < 60, "whoever made it is seen to have made it"
        assert now["binhan_key_age_seconds"] < 600
        assert all(now[f"binhan_part_silent_seconds{{part={part}}}"] < 15 for part in ("lanes", "timers", "sender"))
        shown = status(await running.service.looking.standing(), running.service.config.zone)
        assert shown.urgent == ()
        assert running.service.auditor is not None


async def test_a_dead_worker_and_a_deaf_channel_are_seen_from_the_others(empty_postgres: str, tmp_path: Path) -> None:
    telegram = await FakeTelegram().start()
    (tmp_path / "token").write_text(TOKEN)
    channel = {
        "name": "tg", "platform": "telegram", "token": f"file:{tmp_path}/token", "base_url": telegram.base_url,
        "poll_timeout_s": 1,
    }  # fmt: skip
    try:
        async with house(empty_postgres, tmp_path, channels=[channel], **written(tmp_path)) as there:
            web = await there.start("web", Role.WEB)
            await there.start("worker", Role.WORKER)
            auditing = asyncio.create_task(_auditor(there.config))
            await eventually(
                lambda: _no_part_is_silent(web), "the web process sees the worker, its channel, the auditor", 30
            )
            worker = there.running["worker"]
            await there.stop("worker")
            assert worker.done()

            async def seen() -> bool:
                shown = status(await web.looking.standing(), there.config.zone)
                return {"Đọc và trả lời tin nhắn", "Gọi người trực và hẹn giờ"} <= {one.name for one in shown.urgent}

            await eventually(seen, "what the worker did is said to be silent", 60)
            said = await auditing
            assert said["binhan_database_up"] == 1
            assert said["binhan_auditor_silent_seconds"] < 60
    finally:
        await telegram.stop()


async def _no_part_is_silent(web: Service) -> bool:
    standing = await web.looking.standing()
    shown = status(standing, web.config.zone)
    silent = [one.name for one in shown.urgent if one.state == BAD and one.name != "Đang trực"]
    return standing.shared and not silent


async def _auditor(config: Config) -> dict[str, float]:
    """An auditor of its own, as `--role auditor` runs it; what its `/metrics` says after a while."""
    async with open_auditor(config) as (auditor, app, state):
        state.ready = True
        looking = asyncio.create_task(auditor.run())
        try:
            async with TestClient(TestServer(app)) as http:
                await asyncio.sleep(12)
                assert (await http.get("/metrics")).status == 401
                answer = await http.get("/metrics", headers={"Authorization": f"Bearer {COLLECTOR}"})
                return parsed(await answer.text())
        finally:
            looking.cancel()
            await asyncio.gather(looking, return_exceptions=True)
