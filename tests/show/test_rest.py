"""What waits for the end of the moves is done once, after the last of them."""

import asyncio

from course.show.rest import AtRest


def test_it_is_called_once_after_the_last_move() -> None:
    async def moves() -> list[float]:
        loop = asyncio.get_running_loop()
        done: list[float] = []
        at_rest = AtRest(lambda: done.append(loop.time()), seconds=0.05)
        for _ in range(3):
            last = loop.time()
            at_rest.moved()
        await asyncio.sleep(0.2)
        return [time - last for time in done]

    (waited,) = asyncio.run(moves())
    assert waited >= 0.05


def test_what_is_cancelled_is_not_called() -> None:
    async def moves() -> list[str]:
        done: list[str] = []
        at_rest = AtRest(lambda: done.append("act"), seconds=0.01)
        at_rest.moved()
        at_rest.cancel()
        at_rest.cancel()
        await asyncio.sleep(0.05)
        return done

    assert asyncio.run(moves()) == []


def test_without_a_loop_nothing_waits() -> None:
    done: list[str] = []
    AtRest(lambda: done.append("act"), seconds=0).moved()
    assert done == []
