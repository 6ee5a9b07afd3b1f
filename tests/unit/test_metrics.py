"""Metrics: what is counted and read, for whom, and that the shipped alarm rules ask for things that exist."""

from __future__ import annotations

import asyncio
import re
import shutil
import subprocess
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from bot.looking import FRESH_S, Channels, Looking, Standing
from bot.metrics import Metrics
from handlers.duty import EverybodyByRole
from handlers.health import Health, Watched
from handlers.model import OutboxKind, OutboxRow, Outcome, new_uid
from handlers.ports import Backlog, Queues
from handlers.rules.roster import Gap, Period
from handlers.watching import PARTS, QUESTIONS, Finding
from storage.open import MEMORY, Storage, open_storage
from tests.unit.web.fakes import make_deps
from tests.unit.web.serving import serving

RULES = Path(__file__).resolve().parents[2] / "deploy" / "alerts.yml"
SCENES = Path(__file__).resolve().parents[1] / "data" / "alerts.test.yml"
TOKEN = "a-token-of-the-collector-0123456789"
NOW = datetime(2026, 11, 28, 18, 30, tzinfo=UTC)
BUSY = Standing(
    health=Health(
        at=NOW,
        late=(Finding("line-unsent", 4, 95),),
        queues=Queues(
            messages=7,
            letters={"web": 3, "tg": 2},
            held=5,
            pages=6,
            escalations={"ringing": 2},
            cases={"emergency": 1},
            ringing=Backlog(count=2, oldest_at=NOW - timedelta(seconds=80)),
        ),
        silent={**dict.fromkeys(PARTS, timedelta(seconds=3)), "channel:tg": None},
        on_duty={"on_duty": 1, "backup": 0, "supervisor": 1},
        gap=Gap("on_duty", Period(NOW + timedelta(hours=3), NOW + timedelta(hours=4))),
        quarantine=True,
        content_version="0123456789",
        published_at=NOW - timedelta(days=1),
        backup_at=NOW - timedelta(hours=2),
        watched=Watched(
            at=NOW - timedelta(seconds=9),
            told=("line-unsent",),
            alarm="failed",
            ping="arrived",
            pinged_at=NOW - timedelta(seconds=70),
        ),
        codes_refused=8,
    ),
    key_since=NOW - timedelta(days=3),
)


def row(**fields: object) -> OutboxRow:
    uid = new_uid()
    made = OutboxRow(uid=uid, dedupe_key=uid, lane=f"c:{uid}", kind=OutboxKind.BOT, created_at=datetime.now(UTC))
    return replace(made, **fields)  # type: ignore[arg-type]


def worked() -> Metrics:
    """A process that has done a little of everything."""
    metrics = Metrics(lambda: 2)
    metrics.accepted("tg", fresh=True)
    metrics.accepted("tg", fresh=False)
    metrics.handled(0.02)
    metrics.failed(dead=False)
    metrics.failed(dead=True)
    metrics.sent(row(created_at=datetime.now(UTC) - timedelta(seconds=3)), Outcome.SENT, 0.2)
    metrics.sent(row(kind=OutboxKind.PAGE), Outcome.RETRY, 0.2)
    metrics.answered("/desk/cases/{code}", "GET", 200, 0.01)
    return metrics


def read(metrics: Metrics, standing: Standing | None = BUSY) -> dict[tuple[str, str], float]:
    """(name, labels) -> value."""
    found = {}
    for family in text_string_to_metric_families(metrics.page(standing).decode()):
        for sample in family.samples:
            labels = ",".join(f"{name}={value}" for name, value in sorted(sample.labels.items()))
            found[(sample.name, labels)] = sample.value
    return found


def test_what_a_process_did_is_counted() -> None:
    said = read(worked())
    assert said["binhan_messages_accepted_total", "channel=tg"] == 1
    assert said["binhan_messages_delivered_again_total", "channel=tg"] == 1
    assert [said["binhan_turns_total", f"outcome={word}"] for word in ("handled", "failed", "dead")] == [1, 1, 1]
    assert said["binhan_sends_total", "kind=bot,outcome=sent"] == 1
    assert said["binhan_sends_total", "kind=page,outcome=retry"] == 1
    assert 3 <= said["binhan_sent_after_seconds_sum", "kind=bot"] < 30
    assert said["binhan_sent_after_seconds_count", "kind=page"] == 0, "it was not handed over"
    assert said["binhan_desk_pages_open", ""] == 2
    assert said["binhan_requests_total", "method=GET,route=/desk/cases/{code},status=200"] == 1
    assert said["process_resident_memory_bytes", ""] > 0


def test_what_the_database_says_is_read() -> None:
    said = read(Metrics())
    assert said["binhan_database_up", ""] == 1
    assert {code: said["binhan_late", f"code={code}"] for code in (one.code for one in QUESTIONS)} == {
        **{one.code: 0 for one in QUESTIONS},
        "line-unsent": 4,
    }
    assert said["binhan_late_oldest_seconds", "code=line-unsent"] == 95
    assert said["binhan_inbox_waiting", ""] == 7
    assert said["binhan_lines_waiting", "channel=tg"] == 2
    assert (said["binhan_lines_held", ""], said["binhan_pages_waiting", ""]) == (5, 6)
    assert said["binhan_escalations_open", "state=ringing"] == 2
    assert said["binhan_escalations_open", "state=owing"] == 0
    assert said["binhan_cases_listed", "severity=emergency"] == 1
    assert said["binhan_ringing_oldest_seconds", ""] == 80
    assert said["binhan_part_silent_seconds", "part=lanes"] == 3
    assert said["binhan_part_silent_seconds", "part=channel:tg"] == float("inf"), "never seen is never fine"
    assert said["binhan_on_duty", "rung=backup"] == 0
    assert said["binhan_roster_gap_in_seconds", ""] == 3 * 3600
    assert said["binhan_right_codes_refused", ""] == 8
    assert said["binhan_quarantine", ""] == 1
    assert said["binhan_backup_age_seconds", ""] == 2 * 3600
    assert said["binhan_key_age_seconds", ""] == 3 * 86400
    assert said["binhan_auditor_silent_seconds", ""] == 9
    assert said["binhan_auditor_findings", ""] == 1
    assert (said["binhan_auditor_alarm_failed", ""], said["binhan_auditor_ping_failed", ""]) == (1, 0)
    assert said["binhan_auditor_ping_age_seconds", ""] == 70


def test_without_the_database_nothing_old_is_said() -> None:
    metrics = Metrics()
    read(metrics)
    said = read(metrics, None)
    assert said["binhan_database_up", ""] == 0
    for name in ("binhan_late", "binhan_inbox_waiting", "binhan_on_duty", "binhan_auditor_silent_seconds"):
        assert not any(found == name for found, _ in said), name


def test_without_auditor_backup_or_gap() -> None:
    bare = replace(BUSY, key_since=None, health=replace(BUSY.health, watched=None, backup_at=None, gap=None))
    said = read(Metrics(), bare)
    assert said["binhan_auditor_silent_seconds", ""] == said["binhan_backup_age_seconds", ""] == float("inf")
    assert ("binhan_roster_gap_in_seconds", "") not in said


# --- who may read it ------------------------------------------------------------------------------------------------------


@pytest.fixture
async def storage() -> AsyncIterator[Storage]:
    opened = open_storage(MEMORY)
    yield opened
    await opened.close()


async def test_only_whoever_has_the_token_may_read_it(storage: Storage) -> None:
    looking = Looking(storage.door, EverybodyByRole(), Channels(polling=("tg",)))
    deps, _, _ = make_deps(metrics_token=TOKEN, look=looking.standing)
    async with serving(deps) as http:
        for headers in (
            {},
            {"Authorization": TOKEN},
            {"Authorization": f"Bearer {TOKEN}x"},
            {"Authorization": "Bearer "},
        ):
            answer = await http.get("/metrics", headers=headers)
            assert answer.status == 401
            assert b"binhan" not in await answer.read()
        for path in ("/nowhere/canary-path", "/desk/cases/CANARY-CODE", "/audio/canary-name"):
            await http.get(path)
        await http.request("CANARYVERB", "/")
        answer = await http.get("/metrics", headers={"Authorization": f"Bearer {TOKEN}"})
        said = (await answer.read()).decode()
        assert answer.status == 200
        assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
    assert "binhan_inbox_waiting 0.0" in said
    assert 'binhan_requests_total{method="GET",route="/metrics",status="401"} 4.0' in said
    assert 'route="none"' in said
    assert "canary" not in said.lower(), "a path, a code or a verb that somebody sent is no label"


async def test_without_a_token_there_is_no_such_page() -> None:
    deps, _, _ = make_deps()
    async with serving(deps) as http:
        for headers in ({}, {"Authorization": "Bearer "}, {"Authorization": "Bearer"}):
            answer = await http.get("/metrics", headers=headers)
            missing = await http.get("/no-such-page")
            assert (answer.status, await answer.read()) == (404, await missing.read())


async def test_it_answers_also_while_the_database_is_away() -> None:
    deps, _, _ = make_deps(metrics_token=TOKEN)  # nobody looks: as when storage is not available
    async with serving(deps) as http:
        answer = await http.get("/metrics", headers={"Authorization": f"Bearer {TOKEN}"})
        assert "binhan_database_up 0.0" in await answer.text()


async def test_whoever_asks_often_asks_the_database_once_a_second(storage: Storage) -> None:
    looking = Looking(storage.door, EverybodyByRole(), Channels())
    first, second = await looking.standing(), await looking.standing()
    assert first is second
    await asyncio.sleep(FRESH_S + 0.05)
    assert await looking.standing() is not first


# --- the rules ------------------------------------------------------------------------------------------------------------


def rules() -> list[dict[str, object]]:
    return [rule for group in yaml.safe_load(RULES.read_text())["groups"] for rule in group["rules"]]


@pytest.mark.parametrize("rule", rules(), ids=lambda rule: str(rule["alert"]))
def test_every_rule_asks_for_metrics_labels_and_values_that_exist(rule: dict[str, object]) -> None:
    said = read(worked())
    asked = re.findall(r"\b((?:binhan_\w+)|up)\b(?:\{([^}]*)\})?", str(rule["expr"]))
    assert asked
    for name, picked in asked:
        if name == "up":  # of the collector itself
            continue
        labels = [
            dict(part.split("=", 1) for part in labels.split(",") if part) for found, labels in said if found == name
        ]
        assert labels, f"{rule['alert']} asks for {name}, which nobody gives"
        for label, how, value in re.findall(r'(\w+)\s*(=~|!~|!=|=)"([^"]*)"', picked):
            known = {one[label] for one in labels if label in one}
            assert known, f"{name} has no label {label}"
            if how == "=":
                assert value in known, f"{name}{{{label}={value}}} never comes"
    by = re.findall(r"by \((\w+)\)", str(rule["expr"]))
    assert all(any(f"{label}=" in labels for _, labels in said) for label in by if label != "instance")


def test_every_rule_says_what_is_wrong_and_what_to_do() -> None:
    names = [rule["alert"] for rule in rules()]
    assert len(set(names)) == len(names)
    for rule in rules():
        assert set(rule["annotations"]) == {"summary", "do"}  # type: ignore[call-overload]
        assert rule["labels"]["severity"] in ("page", "today")  # type: ignore[index]


def test_promtool_takes_the_rules_and_they_ring_when_they_should() -> None:
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("promtool is not installed")
    for argv in (["check", "rules", str(RULES)], ["test", "rules", str(SCENES)]):
        ran = subprocess.run([promtool, *argv], cwd=SCENES.parent, capture_output=True, text=True, check=False)
        assert ran.returncode == 0, ran.stdout + ran.stderr
