"""What this process counts and what the database says, in the text form of Prometheus.

Labels are words of a short list (a channel's name, a kind, a state, a route as it is declared), never an id, an address or
anything a person wrote: somebody else's program keeps metrics for months. Every process of a service counts for itself; what is
read from the database is the same in all of them (`max`, never `sum`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime

from prometheus_client import CollectorRegistry, Counter, GCCollector, Histogram, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from bot.looking import Standing
from bot.observe import LINES
from flows.severity import Severity
from handlers.health import Health
from handlers.model import EscalationState, OutboxKind, OutboxRow, Outcome
from handlers.watching import QUESTIONS

CONTENT_TYPE = "text/plain; version=0.0.4"
NEVER = float("inf")
_SOON = (0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 300.0)
_AT_ONCE = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 1.5, 2.0, 5.0)


class Metrics:
    """The counters of one process, and the page that a collector reads."""

    def __init__(self, open_desks: Callable[[], int] = lambda: 0, ready: Callable[[], bool] = lambda: True) -> None:
        """`open_desks`: staff with a desk page open in this process; `ready` as `/readyz` says."""
        self._open_desks, self._ready = open_desks, ready
        self._standing: Standing | None = None
        self._registry = own = CollectorRegistry(auto_describe=False)
        ProcessCollector(registry=own)
        GCCollector(registry=own)
        own.register(_Read(self))
        self._accepted = Counter(
            "binhan_messages_accepted", "Messages stored, before the platform heard so.", ["channel"], registry=own
        )
        self._again = Counter(
            "binhan_messages_delivered_again", "Deliveries of a message that was stored before.", ["channel"],
            registry=own,
        )  # fmt: skip
        self._turns = Counter(
            "binhan_turns",
            "Messages handled, by what became of them (handled, failed, dead).",
            ["outcome"],
            registry=own,
        )
        self._turn_seconds = Histogram(
            "binhan_turn_seconds", "Handling one message, commit included.", buckets=_AT_ONCE, registry=own
        )
        self._sends = Counter(
            "binhan_sends", "Attempts to send, by what became of them.", ["kind", "outcome"], registry=own
        )
        self._send_seconds = Histogram(
            "binhan_send_seconds", "One attempt at the platform.", ["kind"], buckets=_SOON, registry=own
        )
        self._sent_after = Histogram(
            "binhan_sent_after_seconds", "From writing a line or a call to staff until it was handed over.", ["kind"],
            buckets=_SOON, registry=own,
        )  # fmt: skip
        self._requests = Counter(
            "binhan_requests", "HTTP requests, by declared route.", ["route", "method", "status"], registry=own
        )
        self._request_seconds = Histogram(
            "binhan_request_seconds", "Answering a request that is not held on purpose.", ["route"], buckets=_AT_ONCE,
            registry=own,
        )  # fmt: skip

        # From 0 on: a counter that first appears at 1 has not grown, for whoever computes a rate.
        for turn in ("handled", "failed", "dead"):
            self._turns.labels(turn)
        for kind in OutboxKind:
            self._send_seconds.labels(kind.value)
            self._sent_after.labels(kind.value)
            for outcome in Outcome:
                self._sends.labels(kind.value, outcome.value)

    # --- what the parts of the process say ---------------------------------------------------------------------------

    def accepted(self, channel: str, *, fresh: bool) -> None:
        """A delivery is stored; `fresh` False: it was before."""
        (self._accepted if fresh else self._again).labels(channel).inc()

    def handled(self, seconds: float) -> None:
        """One message was handled."""
        self._turns.labels("handled").inc()
        self._turn_seconds.observe(seconds)

    def failed(self, *, dead: bool) -> None:
        """A try at a message failed; `dead`: the last one, a human reads it now."""
        self._turns.labels("dead" if dead else "failed").inc()

    def sent(self, row: OutboxRow, outcome: Outcome, seconds: float) -> None:
        """One attempt to send ended."""
        self._sends.labels(row.kind.value, outcome.value).inc()
        self._send_seconds.labels(row.kind.value).observe(seconds)
        if outcome is Outcome.SENT:
            self._sent_after.labels(row.kind.value).observe(max(0.0, _since(row.created_at)))

    def answered(self, route: str, method: str, status: int, seconds: float | None) -> None:
        """A request is answered; `seconds` None where it is held on purpose."""
        self._requests.labels(route, method, str(status)).inc()
        if seconds is not None:
            self._request_seconds.labels(route).observe(seconds)

    # --- the page ----------------------------------------------------------------------------------------------------

    def page(self, standing: Standing | None) -> bytes:
        """Everything as text; `standing` None: the database does not answer, and nothing is said that might be old."""
        self._standing = standing
        try:
            return generate_latest(self._registry)
        finally:
            self._standing = None

    def own(self) -> Iterator[Metric]:
        """What this process knows of itself."""
        lines = CounterMetricFamily("binhan_log_lines", "Lines logged, by level.", labels=["level"])
        for level in ("warning", "error"):
            lines.add_metric([level], LINES[level])
        yield lines
        yield _one("binhan_ready", "Does /readyz say yes?", self._ready())
        yield _one("binhan_desk_pages_open", "Staff with a desk page open in this process.", self._open_desks())
        yield _one("binhan_database_up", "Does the database answer?", self._standing is not None)
        if self._standing is not None:
            yield from _read(self._standing)


class _Read(Collector):
    """Hands over what belongs to this very reading, so that no old figure can stay behind."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics

    def collect(self) -> Iterator[Metric]:
        return self._metrics.own()


def _read(standing: Standing) -> Iterator[Metric]:
    health, queues = standing.health, standing.health.queues
    late = {one.code: one for one in health.late}
    codes = sorted({one.code for one in QUESTIONS} | set(late))
    yield _many("binhan_late", "What is later than it may be.", "code", {
        code: late[code].count if code in late else 0 for code in codes
    })  # fmt: skip
    yield _many("binhan_late_oldest_seconds", "How old the oldest of it is.", "code", {
        code: late[code].oldest_s if code in late else 0 for code in codes
    })  # fmt: skip
    yield _one("binhan_inbox_waiting", "Messages stored and not handled yet.", queues.messages)
    yield _many("binhan_lines_waiting", "Lines to seekers not sent yet; on the web they lie until she looks.", "channel",
                queues.letters)  # fmt: skip
    yield _one("binhan_lines_held", "Lines that would arrive too late to be safe.", queues.held)
    yield _one("binhan_pages_waiting", "Calls to staff not handed over yet.", queues.pages)
    yield _many("binhan_escalations_open", "Open escalations.", "state", {
        state.value: queues.escalations.get(state.value, 0) for state in EscalationState if state is not EscalationState.ENDED
    })  # fmt: skip
    yield _many("binhan_cases_listed", "Open cases on the desk's list.", "severity", {
        severity.value: queues.cases.get(severity.value, 0) for severity in Severity
    })  # fmt: skip
    ringing = queues.ringing.oldest_at
    yield _one("binhan_ringing_oldest_seconds", "How long the first of those that ring has been ringing.",
               0 if ringing is None else _between(health, ringing))  # fmt: skip
    yield _many("binhan_part_silent_seconds", "Since the last sign of life of a part; +Inf: never.", "part", {
        part: NEVER if silent is None else silent.total_seconds() for part, silent in health.silent.items()
    })  # fmt: skip
    yield from _people(health)
    yield from _keeping(standing)
    yield from _auditor(health)


def _people(health: Health) -> Iterator[Metric]:
    yield _many("binhan_on_duty", "Staff on the rung now.", "rung", health.on_duty)
    if health.gap is not None:
        starts = (health.gap.period.begins_at - health.at).total_seconds()
        yield _one(
            "binhan_roster_gap_in_seconds", "Until nobody is on duty by plan; only within 24 h ahead.", max(0, starts)
        )
    yield _one("binhan_right_codes_refused", "Right return codes refused within the last hour: too many wrong ones came.",
               health.codes_refused)  # fmt: skip


def _keeping(standing: Standing) -> Iterator[Metric]:
    health = standing.health
    yield _one("binhan_quarantine", "Is everything to seekers stopped after a restore?", health.quarantine)
    yield _one("binhan_backup_age_seconds", "Since the last backup made by the program; +Inf: never.",
               NEVER if health.backup_at is None else _between(health, health.backup_at))  # fmt: skip
    if standing.key_since is not None:
        yield _one("binhan_key_age_seconds", "Since the newest key-encryption key was put in place.",
                   _between(health, standing.key_since))  # fmt: skip
    if health.published_at is not None:
        yield _one("binhan_content_published_timestamp_seconds", "When the content that runs was published.",
                   health.published_at.timestamp())  # fmt: skip


def _auditor(health: Health) -> Iterator[Metric]:
    watched = health.watched
    yield _one("binhan_auditor_silent_seconds", "Since the auditor last said that it works; +Inf: never.",
               NEVER if watched is None else _between(health, watched.at))  # fmt: skip
    if watched is None:
        return
    yield _one("binhan_auditor_findings", "What it has told somebody of, and lasts.", len(watched.told))
    yield _one("binhan_auditor_alarm_failed", "Did its last alarm not arrive?", watched.alarm == "failed")
    yield _one("binhan_auditor_ping_failed", "Did its last ping not arrive?", watched.ping == "failed")
    if watched.pinged_at is not None:
        yield _one(
            "binhan_auditor_ping_age_seconds", "Since its last ping arrived.", _between(health, watched.pinged_at)
        )


def _one(name: str, about: str, value: float) -> Metric:
    return GaugeMetricFamily(name, about, value=float(value))


def _many(name: str, about: str, label: str, values: object) -> Metric:
    family = GaugeMetricFamily(name, about, labels=[label])
    for word, value in dict(values).items():  # type: ignore[call-overload]
        family.add_metric([word], float(value))
    return family


def _between(health: Health, at: datetime) -> float:
    return max(0.0, (health.at - at).total_seconds())


def _since(at: datetime) -> float:
    return (datetime.now(UTC) - at).total_seconds()
