"""A client that hangs up ends the upstream's work, and nothing else."""

import asyncio
from collections.abc import Callable

import pytest

from caveat.gateway.house.watch import ClientGone, Watch


class Client:
    """An ASGI receive channel whose client hangs up when told to."""

    def __init__(self):
        self.hang_up = asyncio.Event()

    async def __call__(self):
        await self.hang_up.wait()
        return {"type": "http.disconnect"}


def run(story):
    async def within():
        client = Client()
        watch = Watch(client)
        try:
            return await asyncio.wait_for(story(client, watch), 60)
        finally:
            watch.close()

    return asyncio.run(within())


def test_a_wait_under_watch_ends_when_the_client_goes():
    async def story(client, watch):
        asyncio.get_running_loop().call_later(0.01, client.hang_up.set)
        with pytest.raises(ClientGone), watch:
            await asyncio.sleep(60)
        task = asyncio.current_task()
        assert task is not None
        return task.cancelling()

    assert run(story) == 0


def test_a_wait_outside_the_watch_is_never_cancelled():
    """The record of the call is written in peace."""

    async def story(client, watch):
        with watch:
            pass
        client.hang_up.set()
        await asyncio.sleep(0.01)
        await asyncio.sleep(0.01)
        return watch.gone

    assert run(story) is True


def test_a_client_that_went_before_is_noticed_at_the_door():
    async def story(client, watch):
        client.hang_up.set()
        await asyncio.sleep(0.01)
        with pytest.raises(ClientGone), watch:
            raise AssertionError("must not get here")
        return True

    assert run(story)


def test_cancellation_from_outside_goes_on():
    """A server that stops is no client that hung up."""

    async def story(client, watch):
        async def work():
            with watch:
                await asyncio.sleep(60)

        task = asyncio.create_task(work())
        await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return True

    assert run(story)


def test_an_error_under_watch_keeps_its_kind():
    async def story(client, watch):
        with pytest.raises(ValueError, match="upstream"), watch:
            raise ValueError("upstream")
        return True

    assert run(story)


def test_a_server_that_tells_needs_no_task_that_waits():
    """Where the server has a word for it, nothing is asked of the receive channel."""

    async def story():
        told: list[Callable[[], None]] = []
        watch = Watch(None, told.append)
        before = len(asyncio.all_tasks())
        asyncio.get_running_loop().call_soon(told[0])
        with pytest.raises(ClientGone), watch:
            await asyncio.sleep(60)
        watch.close()
        return before, watch.gone

    assert asyncio.run(story()) == (1, True)
