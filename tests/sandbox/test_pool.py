"""The pool: boxes are there before they are asked for, each is given once, and none outlives the pool."""

import threading

import pytest

from sandbox.base import Limits, SandboxUnavailable
from sandbox.pool import Pool

LIMITS = Limits()


class Box:
    def __init__(self, number: int) -> None:
        self.number, self.destroyed, self.thread = number, 0, threading.current_thread()

    def destroy(self) -> None:
        self.destroyed += 1


class Factory:
    """Counts what it starts, and fails where it is told to."""

    def __init__(self, *failing: int) -> None:
        self.failing, self.started, self.news = failing, list[Box](), threading.Condition()

    def __call__(self, framework, limits):
        with self.news:
            self.started.append(Box(len(self.started)))
            self.news.notify_all()
        if self.started[-1].number in self.failing:
            raise SandboxUnavailable("no engine")
        return self.started[-1]

    def wait_for(self, count: int) -> None:
        with self.news:
            assert self.news.wait_for(lambda: len(self.started) >= count, 5)


def test_a_box_is_started_before_it_is_asked_for_and_given_once():
    factory = Factory()
    pool = Pool(factory)
    pool.warm("numpy", LIMITS)
    pool.warm("numpy", LIMITS)
    factory.wait_for(1)
    assert [pool.take("numpy", LIMITS).number for _ in range(2)] == [0, 1]
    pool.close()
    assert len(factory.started) == 2


def test_what_is_taken_is_replaced_while_boxes_are_to_be_kept():
    factory = Factory()
    pool = Pool(factory, threads=2)
    pool.warm("numpy", LIMITS, keep=3)
    factory.wait_for(3)
    assert pool.take("numpy", LIMITS).number < 3
    factory.wait_for(4)
    pool.close()


def test_a_box_of_another_kind_is_not_given():
    factory = Factory()
    pool = Pool(factory)
    pool.warm("numpy", LIMITS)
    factory.wait_for(1)
    assert pool.take("torch", LIMITS).number == 1
    assert pool.take("numpy", Limits(processes=7)).number == 2
    assert pool.take("numpy", LIMITS).number == 0
    pool.close()


def test_a_start_that_failed_ahead_is_tried_again():
    pool = Pool(Factory(0))
    pool.warm("numpy", LIMITS)
    assert pool.take("numpy", LIMITS).number == 1
    pool.close()


def test_a_start_that_fails_again_raises():
    pool = Pool(Factory(0, 1))
    pool.warm("numpy", LIMITS)
    with pytest.raises(SandboxUnavailable, match="no engine"):
        pool.take("numpy", LIMITS)
    pool.close()


def test_nothing_outlives_the_pool():
    factory = Factory()
    pool = Pool(factory, threads=2)
    pool.warm("numpy", LIMITS, keep=2)
    taken = pool.take("numpy", LIMITS)
    pool.close()
    assert taken.destroyed == 1
    assert all(box.destroyed == 1 for box in factory.started)


def test_the_threads_that_start_boxes_live_as_long_as_the_pool():
    pool = Pool(Factory())
    box = pool.take("numpy", LIMITS)
    assert box.thread.is_alive() and box.thread is not threading.current_thread()
    pool.close()
    assert not box.thread.is_alive()


def test_a_thread_whose_start_was_interrupted_is_waited_for(monkeypatch):
    """Between the start of a thread and the executor's note of it an interruption leaves a thread that nobody joins."""

    class Interrupted(threading.Thread):
        def start(self) -> None:
            super().start()
            raise KeyboardInterrupt

    begun, go_on, factory = threading.Event(), threading.Event(), Factory()

    def slowly(framework, limits):
        begun.set()
        assert go_on.wait(5)
        return factory(framework, limits)

    pool = Pool(slowly)
    with monkeypatch.context() as patch:
        patch.setattr(threading, "Thread", Interrupted)
        with pytest.raises(KeyboardInterrupt):
            pool.warm("numpy", LIMITS)
    assert begun.wait(5)
    threading.Timer(0.1, go_on.set).start()
    pool.close()
    assert [box.destroyed for box in factory.started] == [1]


def test_a_closed_pool_starts_nothing():
    pool = Pool(Factory())
    pool.close()
    with pytest.raises(SandboxUnavailable, match="closed"):
        pool._begin(("numpy", LIMITS))
