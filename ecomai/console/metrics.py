"""Prometheus metrics: what this process answered, and the state of jobs, queues, models and data."""

import os
from collections.abc import Iterator
from typing import Any

from django.db.models import Count
from django.utils import timezone
from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest, multiprocess
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from ecomai.registry.models import Job
from ecomai.registry.selectors import deployments

from . import selectors

# A registry of our own, so that a host's metrics and ours never meet.
own_registry = CollectorRegistry()

_requests = Counter(
    "ecomai_requests", "Requests answered.", ["route", "method", "status"], registry=own_registry
)
_seconds = Histogram(
    "ecomai_request_seconds", "Time to answer.", ["route"], registry=own_registry,
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)  # fmt: skip


def observe_request(*, route: str, method: str, status: int, seconds: float) -> None:
    """Count an answer of one of our endpoints."""
    _requests.labels(route=route, method=method, status=str(status)).inc()
    _seconds.labels(route=route).observe(seconds)


def exposition() -> bytes:
    """Return all metrics as text; of all web processes where PROMETHEUS_MULTIPROC_DIR is set."""
    state = CollectorRegistry()
    state.register(StateCollector())
    requests: Any = own_registry
    if "PROMETHEUS_MULTIPROC_DIR" in os.environ:
        requests = CollectorRegistry()
        multiprocess.MultiProcessCollector(requests)
    return generate_latest(requests) + generate_latest(state)


class StateCollector(Collector):
    """Reads the database when asked, so that any web process says the same."""

    def collect(self) -> Iterator[GaugeMetricFamily]:
        yield self._jobs()
        yield self._queues()
        yield self._versions()
        yield from self._data()

    def _jobs(self) -> GaugeMetricFamily:
        family = GaugeMetricFamily("ecomai_jobs", "Background jobs.", labels=["queue", "state"])
        unfinished = Job.objects.exclude(state__in=Job.FINISHED_STATES)
        for queue, state, n in unfinished.values_list("queue", "state").annotate(n=Count("id")):
            family.add_metric([queue, state], n)
        return family

    def _queues(self) -> GaugeMetricFamily:
        family = GaugeMetricFamily(
            "ecomai_queue_silent_seconds", "Time since a queue's last sign of life.", labels=["queue"]
        )
        for queue in selectors.queues():
            if queue.seen_at is not None:
                family.add_metric([queue.name], queue.silent_seconds)
        return family

    def _versions(self) -> GaugeMetricFamily:
        family = GaugeMetricFamily("ecomai_live_version", "Number of the live version.", labels=["model"])
        for deployment in deployments():
            if deployment.live_version is not None:
                family.add_metric([deployment.model_name], deployment.live_version.number)
        return family

    def _data(self) -> Iterator[GaugeMetricFamily]:
        yield GaugeMetricFamily(
            "ecomai_rejected_rows_waiting", "Rows kept aside.", value=selectors.count_rejected_rows()
        )
        newest = selectors.newest_event_at()
        if newest is not None:
            age = (timezone.now() - newest).total_seconds()
            yield GaugeMetricFamily("ecomai_newest_event_age_seconds", "Age of the newest event.", value=age)
