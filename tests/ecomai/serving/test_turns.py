"""Few answers of a process are made at the same time."""

import threading
import time

import pytest

from ecomai.serving import turns
from ecomai.serving.turns import MOST_AT_A_TIME, take_turn


def test_no_more_than_a_few_work_at_the_same_time() -> None:
    at_work, most, lock = [0], [0], threading.Lock()

    def work() -> None:
        with take_turn():
            with lock:
                at_work[0] += 1
                most[0] = max(most[0], at_work[0])
            time.sleep(0.01)
            with lock:
                at_work[0] -= 1

    threads = [threading.Thread(target=work) for _ in range(5 * MOST_AT_A_TIME)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=10)
    assert at_work == [0]
    assert most == [MOST_AT_A_TIME]


def test_those_that_hang_do_not_stop_others_for_good(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turns, "MOST_WAITING_SECONDS", 0.05)
    may_end = threading.Event()

    def hang() -> None:
        with take_turn():
            may_end.wait(10)

    threads = [threading.Thread(target=hang) for _ in range(MOST_AT_A_TIME)]
    for thread in threads:
        thread.start()
    started = time.monotonic()
    with take_turn():
        assert time.monotonic() - started < 5
    may_end.set()
    for thread in threads:
        thread.join(timeout=10)


def test_a_failure_gives_its_turn_back() -> None:
    for _ in range(2 * MOST_AT_A_TIME):
        with pytest.raises(ZeroDivisionError), take_turn():
            raise ZeroDivisionError
    started = time.monotonic()
    with take_turn():
        assert time.monotonic() - started < 0.5
