"""Within one commit the claim comes last: what the others of its batch have written is leased in that very commit."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from handlers.delivery import Claiming, claim
from handlers.ports import UnitOfWork
from storage.callers import Job, groups_of


def writes(uow: UnitOfWork, items: Sequence[int]) -> list[int]:
    """Any operation."""
    return list(items)


def also_writes(uow: UnitOfWork, items: Sequence[int]) -> list[int]:
    """Another one."""
    return list(items)


async def test_a_claim_goes_behind_everything_else_and_the_others_keep_their_order() -> None:
    loop = asyncio.get_running_loop()

    def job(operation: Callable[..., Any], item: object) -> Job:
        return Job(operation, item, loop, loop.create_future())

    written = partial(also_writes)
    batch = [job(claim, Claiming(1)), job(written, 1), job(writes, 2), job(claim, Claiming(2)), job(written, 3)]
    groups = groups_of(batch)
    assert [operation for operation, _ in groups] == [written, writes, claim]
    assert [[one.item for one in jobs] for _, jobs in groups] == [[1, 3], [2], [Claiming(1), Claiming(2)]]
