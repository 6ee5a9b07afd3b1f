"""The callers' side of a door: who waits for what, who has waited too long, and how results get back to their event loop."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

from handlers import failpoints
from handlers.errors import StorageUnavailable
from handlers.ports import Operation, Wakeups
from storage.uow import SqlUnitOfWork

log = logging.getLogger(__name__)

PATIENCE_S = 1.3
"""How long an item may wait for a lock or a stuck writer before its caller hears that nothing can be stored."""
COMMIT_PATIENCE_S = 10.0
"""How long a caller waits for a batch that has begun; whether it was stored is not known when this runs out."""
WATCH_S = 0.2
"""How often a loop looks whether one of its callers has waited too long."""
LAST = ("record", "claim")
"""The operations that come last in a commit, in this order, by their failpoints' names: a claim finds what the others of its
commit have written, and rows of the outbox are locked after those of people and cases."""

A = TypeVar("A")
R = TypeVar("R")


@dataclass(eq=False, slots=True)
class Job:
    """One item of one caller on its way through the door."""

    operation: Callable[..., Any]
    item: Any
    loop: asyncio.AbstractEventLoop
    future: asyncio.Future[Any]
    reads: bool = False
    queued_at: float = field(default_factory=time.monotonic)
    taken: bool = False  # a writer has it: it may already be stored
    withdrawn: bool = False  # nobody waits for it any more
    patient: bool = False  # it has met a lock before: now it waits for it
    result: Any = None
    error: BaseException | None = None


class Callers:
    """What every door does for those who call it. A door adds the writers and readers."""

    def __init__(self, wakeups: Wakeups) -> None:
        """`wakeups` are rung after a commit, on the loop of one of its callers."""
        self._wakeups = wakeups
        self._watched: dict[asyncio.AbstractEventLoop, dict[Job, None]] = {}
        self._progress_at = time.monotonic()
        self._closed = False

    async def run(self, operation: Operation[A, R], item: A) -> R:
        """See `handlers.ports.Door.run`."""
        result: R = await self._enqueue(operation, item, reads=False)
        return result

    def _hand_in(self, job: Job) -> None:
        """Give the job to the writers."""
        raise NotImplementedError

    def _is_stuck(self, job: Job, now: float) -> bool:
        """Is it certain enough that nothing moves, though this job has not been begun?"""
        return now - self._progress_at > PATIENCE_S and not job.taken

    async def _enqueue(self, operation: Callable[..., Any], item: Any, *, reads: bool) -> Any:
        if self._closed:
            raise StorageUnavailable("closed")
        loop = asyncio.get_running_loop()
        job = Job(operation, item, loop, loop.create_future(), reads)
        watched = self._watched.get(loop)
        if watched is None:
            watched = self._watched[loop] = {}
            loop.call_later(WATCH_S, self._watch, loop)
        watched[job] = None
        self._hand_in(job)
        try:
            return await job.future
        finally:
            watched.pop(job, None)
            job.withdrawn = True  # no effect once it is taken

    def _watch(self, loop: asyncio.AbstractEventLoop) -> None:
        """Tell the callers of one loop who have waited too long; one timer for all of them, none while nobody waits."""
        watched = self._watched[loop]
        if not watched:
            del self._watched[loop]
            return
        now = time.monotonic()
        for job in list(watched):
            waited = now - job.queued_at
            late = waited > COMMIT_PATIENCE_S or (waited > PATIENCE_S and self._is_stuck(job, now))
            if late and not job.future.done():
                job.future.set_exception(StorageUnavailable("the writer does not answer"))
        loop.call_later(WATCH_S, self._watch, loop)

    def _call(self, operation: Callable[..., Any], jobs: list[Job], uow: SqlUnitOfWork) -> None:
        """Run one operation for its items."""
        results = operation(uow, [job.item for job in jobs])
        if len(results) != len(jobs):
            raise RuntimeError(f"{failpoint_of(operation)}: {len(results)} results for {len(jobs)} items")
        for job, result in zip(jobs, results, strict=True):
            job.result = result

    def _answer(self, batch: list[Job], rung: set[str]) -> None:
        """One call into each loop that waits, and the first of them rings: every call wakes a thread that wants the
        interpreter, which is dearer than anything done in it.
        """
        self._progress_at = time.monotonic()
        for loop in dict.fromkeys(job.loop for job in batch):
            theirs = [job for job in batch if job.loop is loop]
            try:
                loop.call_soon_threadsafe(self._settle, theirs, rung)
                rung = set()
            except RuntimeError:
                log.warning("%d callers are gone", len(theirs))  # their loop is closed; what was done is done
        if rung:
            self._wakeups.ring(*rung)

    def _settle(self, batch: list[Job], rung: set[str]) -> None:
        """On the loop that waits."""
        for job in batch:
            if job.future.done():
                continue
            if job.error is None:
                job.future.set_result(job.result)
            else:
                job.future.set_exception(job.error)
        if rung:
            self._wakeups.ring(*rung)


def passed(names: list[str], where: str, batch: list[Job]) -> None:
    """Pass the failpoints behind a commit: what is hit is told to the callers and not replayed, which would do it twice."""
    try:
        for name in names:
            failpoints.passing(f"{name}.{where}")
    except failpoints.Hit as hit:
        for job in batch:
            job.error = hit


def destroy_keys(uow: SqlUnitOfWork) -> None:
    """After the commit. When it fails it is done at the next start: which keys must go stands in the database."""
    try:
        uow.keys.destroy_removed()
    except Exception as error:
        log.error("keys not yet destroyed: %s", type(error).__name__)


def groups_of(batch: list[Job]) -> list[tuple[Callable[..., Any], list[Job]]]:
    """The jobs of a batch by operation, in order of arrival but for those that come last."""
    groups: dict[tuple[Callable[..., Any], bool], list[Job]] = {}
    for job in batch:
        groups.setdefault((job.operation, job.reads), []).append(job)
    ordered = sorted(groups.items(), key=lambda group: _place(group[0][0]))
    return [(operation, jobs) for (operation, _), jobs in ordered]


def _place(operation: Callable[..., Any]) -> int:
    name = _name_of(operation)
    return LAST.index(name) + 1 if name in LAST else 0


def failpoint_of(operation: Callable[..., Any]) -> str:
    """The name under which this operation passes its failpoints."""
    name = _name_of(operation)
    return name if f"{name}.before_commit" in failpoints.NAMES else "writer"


def _name_of(operation: Callable[..., Any]) -> str:
    inner = getattr(operation, "func", operation)  # a functools.partial of an operation is that operation
    return str(getattr(operation, "failpoint", None) or getattr(inner, "failpoint", "writer"))
