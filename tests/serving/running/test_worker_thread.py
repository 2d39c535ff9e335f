"""One thread, one call after the other."""

from __future__ import annotations

import threading

import anyio
import pytest

from modelserving.serving import WorkerThread
from modelserving.serving.running.worker_thread import run_abandonable
from modelserving.system.stopping import pause
from tests.waiting import WAIT


def test_calls_run_in_one_thread_that_is_not_ours() -> None:
    """A client that may be used by one thread only is safe in a worker."""

    async def scenario() -> None:
        with WorkerThread("mine") as worker:
            threads = {await worker.run(threading.current_thread) for _ in range(5)}
        assert len(threads) == 1
        (thread,) = threads
        assert thread is not threading.current_thread()
        assert thread.name.startswith("mine")

    anyio.run(scenario)


def test_calls_of_several_tasks_run_in_order_and_never_at_once() -> None:
    """Who asks first is served first, and each call ends before the next begins."""
    inside = threading.Lock()
    done: list[int] = []

    def call(number: int) -> None:
        assert inside.acquire(blocking=False)
        done.append(number)
        inside.release()

    async def scenario() -> None:
        with WorkerThread("mine") as worker:
            async with anyio.create_task_group() as tasks:
                for number in range(20):
                    tasks.start_soon(worker.run, call, number)

    anyio.run(scenario)
    assert done == list(range(20))


def test_result_and_error_come_back() -> None:
    """A call behaves as if it were made here."""

    async def scenario() -> None:
        with WorkerThread("mine") as worker:
            assert await worker.run(int, "11", base=2) == 3
            with pytest.raises(ValueError, match="invalid literal"):
                await worker.run(int, "x")

    anyio.run(scenario)


def test_cancellation_waits_for_the_call() -> None:
    """A thread cannot be cancelled, so nobody goes on, and closes things, while it still works with them."""
    started, go_on = threading.Event(), threading.Event()
    events: list[str] = []

    def call() -> None:
        started.set()
        assert go_on.wait(WAIT)
        events.append("call ended")

    async def ask(worker: WorkerThread) -> None:
        try:
            await worker.run(call)
        finally:
            events.append("who asked went on")

    async def scenario() -> None:
        with WorkerThread("mine") as worker:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(ask, worker)
                while not started.is_set():
                    await anyio.sleep(0.001)
                tasks.cancel_scope.cancel()
                await anyio.lowlevel.cancel_shielded_checkpoint()
                assert events == []
                go_on.set()

    anyio.run(scenario)
    assert events == ["call ended", "who asked went on"]


def test_cancellation_ends_a_call_that_only_waits() -> None:
    """It waits for somebody else; whoever asked is cancelled as ever, and the worker does what comes next."""
    started = threading.Event()
    ended: list[str] = []

    def call() -> None:
        started.set()
        try:
            pause(3600)
        finally:
            ended.append("call")

    async def scenario() -> None:
        with WorkerThread("mine") as worker:
            with anyio.fail_after(WAIT):
                async with anyio.create_task_group() as tasks:
                    tasks.start_soon(worker.run, call)
                    while not started.is_set():
                        await anyio.sleep(0.001)
                    tasks.cancel_scope.cancel()
            await worker.run(pause, 0)

    anyio.run(scenario)
    assert ended == ["call"]


def test_the_error_of_a_cancelled_call_is_not_lost() -> None:
    """It went wrong while it was waited for: that is what comes out."""
    started, go_on = threading.Event(), threading.Event()

    def call() -> None:
        started.set()
        assert go_on.wait(WAIT)
        raise ValueError("broken")

    async def scenario() -> None:
        with WorkerThread("mine") as worker:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(worker.run, call)
                while not started.is_set():
                    await anyio.sleep(0.001)
                tasks.cancel_scope.cancel()
                await anyio.lowlevel.cancel_shielded_checkpoint()
                go_on.set()

    with pytest.raises(ExceptionGroup) as caught:
        anyio.run(scenario)
    assert caught.group_contains(ValueError, match="broken")


def test_the_cancelled_one_is_cancelled_in_the_end() -> None:
    """A cancellation that came during a call is not lost."""
    reached: list[str] = []

    async def scenario() -> None:
        token = anyio.lowlevel.current_token()
        with WorkerThread("mine") as worker, anyio.CancelScope() as scope:
            await worker.run(lambda: anyio.from_thread.run_sync(scope.cancel, token=token))
            reached.append("after the call")
        assert scope.cancelled_caught

    anyio.run(scenario)
    assert reached == []


@pytest.mark.parametrize("cancelled", [False, True])
def test_finish_makes_the_last_call_and_closes_the_thread(cancelled: bool) -> None:
    """Also when cancelled: a consumer that is left open keeps its place in the group."""
    closed: list[str] = []

    async def scenario() -> None:
        worker = WorkerThread("mine")
        with anyio.CancelScope() as scope:
            if cancelled:
                scope.cancel()
            await worker.finish(closed.append, "closed")
        assert closed == ["closed"]
        with pytest.raises(RuntimeError, match="shutdown"):
            await worker.run(int)

    anyio.run(scenario)


def test_finish_closes_the_thread_when_the_last_call_fails() -> None:
    """The error comes out, the thread ends all the same; closing again does nothing."""

    async def scenario() -> None:
        worker = WorkerThread("mine")
        thread = await worker.run(threading.current_thread)
        with pytest.raises(ValueError, match="invalid literal"):
            await worker.finish(int, "x")
        assert not thread.is_alive()
        worker.close()

    anyio.run(scenario)


class TestAbandonable:
    def test_result_and_error_come_back(self) -> None:
        """Left alone, the call behaves as if it were made here."""

        async def scenario() -> None:
            assert await run_abandonable(int, "11", base=2) == 3
            with pytest.raises(ValueError, match="invalid literal"):
                await run_abandonable(int, "x")

        anyio.run(scenario)

    def test_cancellation_leaves_the_call_behind(self) -> None:
        """Who is cancelled goes on at once, and what the call says in the end is heard by nobody."""
        started, go_on, ended = threading.Event(), threading.Event(), threading.Event()
        threads: list[threading.Thread] = []

        def call() -> None:
            threads.append(threading.current_thread())
            started.set()
            assert go_on.wait(WAIT)
            ended.set()

        async def scenario() -> None:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(run_abandonable, call)
                while not started.is_set():
                    await anyio.sleep(0.001)
                tasks.cancel_scope.cancel()
            assert not ended.is_set()

        anyio.run(scenario)
        go_on.set()
        assert ended.wait(WAIT)
        threads[0].join(WAIT)
        assert threads[0].daemon
