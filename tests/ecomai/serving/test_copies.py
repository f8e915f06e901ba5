"""A process's copy: loaded once, read while another thread refreshes it, forgotten on demand."""

import threading

from ecomai.serving.copies import ProcessCopy


class Counted(ProcessCopy[int]):
    """Counts how often it was refreshed; a refresh may be made to wait."""

    def __init__(self, poll_seconds=0.0):
        self.poll_seconds = poll_seconds
        self.go_on = threading.Event()
        self.go_on.set()
        self.has_begun = threading.Event()
        super().__init__()

    def refresh(self, known):
        self.has_begun.set()
        assert self.go_on.wait(timeout=10)
        return (known or 0) + 1


def test_it_is_refreshed_only_after_its_time():
    assert [Counted(poll_seconds=60).current() for _each in range(2)] == [1, 1]
    kept, polled = Counted(poll_seconds=60), Counted()
    assert [kept.current() for _each in range(3)] == [1, 1, 1]
    assert [polled.current() for _each in range(3)] == [1, 2, 3]
    kept.forget()
    assert kept.current() == 1


def test_nobody_waits_for_a_refresh_but_the_first():
    copy = Counted()
    assert copy.current() == 1
    copy.go_on.clear()
    copy.has_begun.clear()
    slow = threading.Thread(target=copy.current)
    slow.start()
    assert copy.has_begun.wait(timeout=10)
    assert copy.current() == 1, "what is known, at once"
    copy.go_on.set()
    slow.join(timeout=10)
    assert copy.current() == 3


def test_many_that_wait_for_the_first_load_it_once():
    copy = Counted(poll_seconds=60)
    copy.go_on.clear()
    found = []
    threads = [threading.Thread(target=lambda: found.append(copy.current())) for _each in range(4)]
    for thread in threads:
        thread.start()
    assert copy.has_begun.wait(timeout=10)
    copy.go_on.set()
    for thread in threads:
        thread.join(timeout=10)
    assert found == [1, 1, 1, 1]
