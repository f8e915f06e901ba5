"""Whether the parts that we need are there: the readiness checks behind `health/ready`."""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

from celery import current_app
from django.db import DatabaseError, connection
from django.utils import timezone
from kombu.exceptions import KombuError

from ecomai.registry.selectors import deployments

from . import selectors
from .app_settings import app_settings

logger = logging.getLogger(__name__)

State = Literal["ok", "degraded", "failed"]


@dataclass(frozen=True)
class Check:
    """The outcome of one check; `details` are for staff and monitoring only."""

    state: State
    details: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Health:
    state: State
    checks: dict[str, Check]
    checked_at: float


_last: Health | None = None


def health() -> Health:
    """Return the outcome of all checks, at most `HEALTH_CACHE_SECONDS` old."""
    global _last
    known = _last
    if known and time.monotonic() - known.checked_at < app_settings.HEALTH_CACHE_SECONDS:
        return known
    _last = run_checks()
    return _last


def forget() -> None:
    """Check anew at the next question."""
    global _last
    _last = None


def run_checks() -> Health:
    """Run every check; one that needs the database is not tried while the database is away."""
    checks = {"database": _check_database(), "broker": check_broker()}
    for name, check in (("queues", _check_queues), ("models", _check_models), ("events", _check_events)):
        checks[name] = _with_database(check, checks["database"])
    failed = [name for name, check in checks.items() if check.state == "failed"]
    if set(failed) & set(app_settings.READY_REQUIRES):
        state: State = "failed"
    else:
        state = "degraded" if any(check.state != "ok" for check in checks.values()) else "ok"
    return Health(state, checks, time.monotonic())


def _with_database(check: Callable[[], Check], database: Check) -> Check:
    if database.state == "failed":
        return Check("degraded", {"reason": "database_away"})
    try:
        return check()
    except DatabaseError as error:
        logger.warning("A health check could not read the database.", exc_info=error)
        return Check("failed", {"reason": type(error).__name__})


def _check_database() -> Check:
    started = time.perf_counter()
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError as error:
        logger.warning("The database is away.", exc_info=error)
        connection.close()
        return Check("failed", {"reason": type(error).__name__})
    return Check("ok", {"milliseconds": round((time.perf_counter() - started) * 1000, 1)})


def check_broker() -> Check:
    timeout = app_settings.BROKER_TIMEOUT_SECONDS
    started = time.perf_counter()
    try:
        with current_app.connection_for_write(connect_timeout=timeout) as broker:
            broker.ensure_connection(max_retries=0, timeout=timeout, reraise_as_library_errors=True)
    except (KombuError, OSError) as error:
        return Check("failed", {"reason": type(error).__name__})
    return Check("ok", {"milliseconds": round((time.perf_counter() - started) * 1000, 1)})


def _check_queues() -> Check:
    found = selectors.queues()
    details = {
        queue.name: {
            "seen_at": queue.seen_at.isoformat() if queue.seen_at else None,
            "waiting": queue.n_waiting,
            "state": "ok" if queue.is_alive else "failed",
        }
        for queue in found
    }
    return Check("ok" if all(queue.is_alive for queue in found) else "failed", details)


def _check_models() -> Check:
    from ecomai.serving import live

    details = {}
    for deployment in deployments():
        version = deployment.live_version or deployment.shadow_version
        details[deployment.model_name] = {
            "mode": deployment.mode, "version": version.number if version else None,
        }  # fmt: skip
    faults = [fault for fault in live.faults() if fault.model_name]
    for fault in faults:
        details.setdefault(fault.model_name, {})["fault"] = fault.message
    return Check("failed" if faults else "ok", details)


def _check_events() -> Check:
    newest = selectors.newest_event_at()
    if newest is None:
        return Check("ok", {"newest_event_at": None})
    age_hours = (timezone.now() - newest).total_seconds() / 3600
    state: State = "ok" if age_hours <= app_settings.EVENTS_STALE_AFTER_HOURS else "degraded"
    return Check(state, {"newest_event_at": newest.isoformat(), "age_hours": round(age_hours, 2)})
