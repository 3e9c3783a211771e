"""Who has to go when there are too many connections, or when one waits too long."""

from __future__ import annotations

import asyncio

from api.room import Room


class Guest:
    def __init__(self, peer: str) -> None:
        self.peer = peer
        self.told: list[str] = []

    def late(self) -> None:
        self.told.append("late")

    def abort(self) -> None:
        self.told.append("abort")


def enter(hall: Room, peers: str) -> list[Guest]:
    guests = [Guest(peer) for peer in peers]
    for guest in guests:
        hall.enter(guest)
    return guests


def test_of_those_who_have_most_the_longest_waiting_goes() -> None:
    async def scenario() -> list[list[str]]:
        hall = Room(most=4, header_timeout=60)
        guests = enter(hall, "aaab")
        hall.go_on(guests[0])  # it is being answered
        hall.expect_request(guests[1])  # it has just been answered
        enter(hall, "c")
        return [guest.told for guest in guests]

    assert asyncio.run(scenario()) == [[], [], ["abort"], []]


def test_where_none_of_them_waits_the_newcomer_goes() -> None:
    async def scenario() -> list[str]:
        hall = Room(most=1, header_timeout=60)
        (first,) = enter(hall, "a")
        hall.go_on(first)
        (newcomer,) = enter(hall, "b")
        return first.told + newcomer.told

    assert asyncio.run(scenario()) == ["abort"]


def test_who_waits_too_long_is_told_once_and_can_still_be_made_to_go() -> None:
    async def scenario() -> tuple[list[str], list[str]]:
        hall = Room(most=2, header_timeout=0.04)
        late, served = enter(hall, "aa")
        hall.go_on(served)
        await asyncio.sleep(0.2)
        told = list(late.told)
        enter(hall, "b")
        return told, late.told

    assert asyncio.run(scenario()) == (["late"], ["late", "abort"])


def test_every_request_has_its_time_anew() -> None:
    async def scenario() -> list[str]:
        hall = Room(most=2, header_timeout=1.0)
        (guest,) = enter(hall, "a")
        for _ in range(5):
            await asyncio.sleep(0.3)
            hall.expect_headers(guest)
        hall.leave(guest)
        await asyncio.sleep(0.1)
        return guest.told

    assert asyncio.run(scenario()) == []
