from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from kg.errors import Unavailable
from kg.serving.fairness import Turnstile


def _served(clients: list[str], places: int = 1, queue: int = 1000) -> list[str]:
    """The order in which those who wait get their place."""
    order: list[str] = []

    async def visit(turns: Turnstile, client: str) -> None:
        await turns.enter(client)
        order.append(client)
        await asyncio.sleep(0)
        turns.leave()

    async def run() -> None:
        turns = Turnstile(places, queue)
        await asyncio.gather(*(visit(turns, client) for client in clients))
        assert turns.waiting == 0

    asyncio.run(run())
    return order


def test_a_small_client_waits_one_turn_and_not_a_queue() -> None:
    order = _served(["heavy"] * 100 + ["light"])
    assert order.index("light") <= 2
    assert len(order) == 101


def test_turns_go_round() -> None:
    order = _served(["a"] * 4 + ["b"] * 4 + ["c"] * 4)
    assert order[1:10] == ["a", "b", "c"] * 3


def _run(scenario: Callable[[Turnstile], Awaitable[None]], places: int, queue: int) -> None:
    async def run() -> None:
        await scenario(Turnstile(places, queue))

    asyncio.run(run())


def test_the_queue_is_bounded_and_one_client_gets_half() -> None:
    async def scenario(turns: Turnstile) -> None:
        await turns.enter("a")
        waiting = [asyncio.create_task(turns.enter("a")) for _ in range(2)]
        await asyncio.sleep(0)
        with pytest.raises(Unavailable):
            await turns.enter("a")
        waiting += [asyncio.create_task(turns.enter("b")) for _ in range(2)]
        await asyncio.sleep(0)
        with pytest.raises(Unavailable):
            await turns.enter("c")
        for _ in range(5):
            turns.leave()
        await asyncio.gather(*waiting)

    _run(scenario, places=1, queue=4)


def test_who_goes_away_gives_the_place_on() -> None:
    async def scenario(turns: Turnstile) -> None:
        await turns.enter("a")
        first, second = (asyncio.create_task(turns.enter(c)) for c in ("b", "c"))
        await asyncio.sleep(0)
        first.cancel()
        await asyncio.sleep(0)
        assert turns.waiting == 1
        turns.leave()
        await second
        third = asyncio.create_task(turns.enter("d"))
        await asyncio.sleep(0)
        turns.leave()
        third.cancel()  # in the moment when its turn has come
        await asyncio.gather(third, return_exceptions=True)
        await asyncio.wait_for(turns.enter("e"), 5)

    _run(scenario, places=1, queue=10)
