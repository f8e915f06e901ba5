"""How many a condition selects, and a few of them; within a time that a person waits."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

from django.db import OperationalError, connection, transaction

from ..exceptions import CountTooSlowError
from ..models import CustomerProfile
from .compiling import select_profiles
from .conditions import Condition

N_SAMPLE, SAMPLE_SECONDS = 10, 3
#: Hashes of a million customers stay in memory; plans that take seconds gain nothing from compiling them.
PLANNING = {"work_mem": "128MB", "jit": "off"}


@dataclass(frozen=True)
class Found:
    """How many meet a condition, and the newest of them."""

    n: int
    sample: list[CustomerProfile]


def count_profiles(condition: Condition, *, now: datetime, seconds: float) -> int:
    """Return how many meet a condition. Raises CountTooSlowError after `seconds`."""
    with bounded(seconds):
        return select_profiles(condition, now=now).count()


def find_profiles(condition: Condition, *, now: datetime, seconds: float) -> Found:
    """Return how many meet a condition and ten of them. Raises CountTooSlowError after `seconds`.

    Where the ten cannot be found as fast as a person expects, there is the number alone.
    """
    n = count_profiles(condition, now=now, seconds=seconds)
    try:
        return Found(n, _sample(condition, now) if n else [])
    except CountTooSlowError:
        return Found(n, [])


def _sample(condition: Condition, now: datetime) -> list[CustomerProfile]:
    with bounded(SAMPLE_SECONDS):
        found = select_profiles(condition, now=now).select_related("customer")
        return list(found.order_by("-pk")[:N_SAMPLE])


@contextmanager
def bounded(seconds: float) -> Iterator[None]:
    """Let each statement of a transaction take so long and no longer, with memory for large hashes."""
    try:
        with transaction.atomic():
            if connection.vendor == "postgresql":
                _set_local(seconds)
            yield
            if connection.vendor == "postgresql":
                _end_limit()
    except OperationalError as error:
        if getattr(error.__cause__, "sqlstate", "") != "57014":  # the server stopped the statement
            raise
        raise CountTooSlowError(seconds=f"{seconds:g}") from error


def _set_local(seconds: float) -> None:
    given = {**PLANNING, "statement_timeout": f"{round(1000 * seconds)}ms"}
    calls = ", ".join(["set_config(%s, %s, true)"] * len(given))
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {calls}", [part for pair in given.items() for part in pair])


def _end_limit() -> None:
    """The caller's transaction, if there is one, goes on without our limit."""
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL statement_timeout TO DEFAULT")
