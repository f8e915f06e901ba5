"""The model's answer where it comes in time, the fallback's where it does not."""

import contextvars
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

from ecomai.serving.budget import Budgeted, forget_threads, run_with_budget

asked_by: contextvars.ContextVar[str] = contextvars.ContextVar("asked_by", default="")


@pytest.fixture(autouse=True)
def _fresh_threads() -> Iterator[None]:
    forget_threads()
    yield
    forget_threads()


def test_an_answer_in_time_is_the_models() -> None:
    assert run_with_budget(lambda: 1, lambda: 2) == Budgeted(1, "model", "")


def test_a_late_answer_is_thrown_away() -> None:
    may_end = threading.Event()
    started = time.monotonic()
    answer = run_with_budget(lambda: may_end.wait(10), lambda: "popular", seconds=0.05)
    assert time.monotonic() - started < 5
    assert answer == Budgeted("popular", "fallback", "timed_out")
    may_end.set()


def test_a_failure_is_logged_and_answered_by_the_fallback(caplog: pytest.LogCaptureFixture) -> None:
    def fail() -> str:
        raise ZeroDivisionError

    assert run_with_budget(fail, lambda: "popular") == Budgeted("popular", "fallback", "failed")
    assert "ZeroDivisionError" in caplog.text


def test_where_all_threads_are_taken_the_fallback_answers_at_once_and_later_the_model_again(
    settings: Any,
) -> None:
    settings.ECOMAI = {**settings.ECOMAI, "SERVING": {"BUDGET_THREADS": 2}}
    may_end = threading.Event()
    for _ in range(2):
        run_with_budget(lambda: may_end.wait(10), lambda: False, seconds=0.01)
    started = time.monotonic()
    assert run_with_budget(lambda: 1, lambda: 2, seconds=5) == Budgeted(2, "fallback", "busy")
    assert time.monotonic() - started < 1
    may_end.set()
    until = time.monotonic() + 5
    while run_with_budget(lambda: 1, lambda: 2) != Budgeted(1):
        assert time.monotonic() < until


def test_the_setting_is_the_default_budget(settings: Any) -> None:
    settings.ECOMAI = {**settings.ECOMAI, "SERVING": {"TIME_BUDGET_SECONDS": 0.01}}
    may_end = threading.Event()
    assert run_with_budget(lambda: may_end.wait(5), lambda: None).reason == "timed_out"
    may_end.set()


def test_what_belongs_to_the_request_is_known_to_the_computation() -> None:
    asked_by.set("request-7")
    assert run_with_budget(asked_by.get, lambda: "").value == "request-7"


def test_an_error_of_the_fallback_is_the_callers() -> None:
    def fail() -> int:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        run_with_budget(fail, fail)
