"""What needs a person's attention now, worst first."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from urllib.parse import urlencode

from django.utils import timezone
from django.utils.module_loading import import_string
from django.utils.timesince import timesince
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from ecomai.registry.jobs import BROKER_AWAY
from ecomai.registry.models import Job
from ecomai.registry.selectors import ALL_SCENARIOS, switched_off

from . import alerting, selectors
from .alerting import DELIVERY_KIND
from .app_settings import app_settings


@dataclass(kw_only=True)
class Alert:
    """One thing to look at: `url_name` with `url_args` and `query` is where."""

    state: Literal["attention", "problem"]
    title: str
    text: str = ""
    url_name: str = ""
    url_args: tuple[Any, ...] = ()
    query: str = ""
    key: str = ""  # what it is about, in words that do not change; without it the title

    @property
    def stable_key(self) -> str:
        return (self.key or self.title)[:200]


#: Dotted paths of `alerts() -> list[Alert]` of rooms that are built on the console.
_sources: list[str] = []


def register_alerts(path: str) -> None:
    """Let another room say what needs attention, by the dotted path of `alerts() -> list[Alert]`."""
    if path not in _sources:
        _sources.append(path)


def alerts(*, jobs: list[Job], newest_event_at: datetime | None, off: Collection[str]) -> list[Alert]:
    """Return all alerts; `jobs` are those under way, `off` the switches that are."""
    found = [*_switches(off), *_queues(), *_broker(jobs), *_failed_jobs(), *_serving()]
    found += [*_stale(newest_event_at), *_rejected(), *_rules()]
    for path in _sources:
        found += import_string(path)()
    return sorted(found, key=lambda alert: alert.state != "problem")


def own_alerts() -> list[Alert]:
    """Return all alerts but those of rules, for the rule that watches them: it must not watch itself."""
    found = [*_switches(switched_off()), *_queues(), *_broker(selectors.active_jobs())]
    found += [*_failed_jobs(but=DELIVERY_KIND), *_serving()]
    found += [*_stale(selectors.newest_event_at()), *_rejected()]
    for path in _sources:
        found += import_string(path)()
    return found


def _rules() -> list[Alert]:
    """What rules found; a rule that watches this very list would say everything twice."""
    return [
        Alert(
            state="problem" if episode.rule.severity == "problem" else "attention",
            title=str(episode),
            text=alerting.sentence_of(episode),
            url_name="admin:ecomai_console_alertepisode_change",
            url_args=(episode.pk,),
        )
        for episode in selectors.open_alerts()
    ]


def _switches(off: Collection[str]) -> list[Alert]:
    if ALL_SCENARIOS not in off:
        return []
    title = _("Everything is switched off")
    return [
        Alert(
            state="attention", title=title, text=_("No scenario answers until the switch is on again."),
            key="switches",
        )
    ]  # fmt: skip


def _queues() -> list[Alert]:
    found = []
    for queue in selectors.queues():
        if queue.is_alive or (queue.seen_at is None and not queue.n_waiting):
            continue
        waiting = ngettext("%(n)s job waits.", "%(n)s jobs wait.", queue.n_waiting) % {"n": queue.n_waiting}
        since = (
            _("It was last seen %(time)s ago.") % {"time": timesince(queue.seen_at, depth=1)}
            if queue.seen_at
            else ""
        )
        found.append(
            Alert(
                state="problem" if queue.n_waiting else "attention",
                title=_("No worker serves the queue “%(queue)s”") % {"queue": queue.name},
                text=" ".join(filter(None, [waiting if queue.n_waiting else "", since])),
                url_name="admin:ecomai_registry_job_changelist",
                key=f"queue:{queue.name}",
            )
        )
    return found


def _broker(jobs: list[Job]) -> list[Alert]:
    waiting = [job for job in jobs if job.error_code == BROKER_AWAY]
    if not waiting:
        return []
    title = _("The message broker is away")
    return [Alert(state="problem", title=title, text=waiting[0].error_message, key="broker")]


def _failed_jobs(*, but: str = "") -> list[Alert]:
    return [
        Alert(
            state="problem",
            title=_("Failed: %(job)s") % {"job": job},
            text=job.error_message,
            key=f"job:{job.pk}",
            **_address(job),
        )
        for job in selectors.failed_jobs()
        if job.kind != but
    ]


def _address(job: Job) -> dict[str, Any]:
    if hasattr(job, "training_run"):
        return {"url_name": "admin:ecomai_registry_trainingrun_change", "url_args": (job.training_run.pk,)}
    return {"url_name": "admin:ecomai_registry_job_change", "url_args": (job.pk,)}


def _serving() -> list[Alert]:
    from ecomai.serving import live

    return [
        Alert(
            state="problem",
            title=_("“%(model)s” version %(number)s cannot be loaded")
            % {"model": fault.model_name, "number": fault.version_number},
            text=_("What was loaded before keeps answering in this process: %(fault)s")
            % {"fault": fault.message},
            url_name="admin:ecomai_registry_modelversion_changelist",
            key=f"serving:{fault.model_name}",
        )
        for fault in live.faults()
        if fault.model_name
    ]


def _stale(newest: datetime | None) -> list[Alert]:
    if newest is None:
        return []
    age_hours = (timezone.now() - newest).total_seconds() / 3600
    if age_hours <= app_settings.EVENTS_STALE_AFTER_HOURS:
        return []
    return [
        Alert(
            state="attention",
            title=_("No new events for %(time)s") % {"time": timesince(newest, depth=1)},
            text=_("Check that the tracker is on the pages, or that the shop's signals reach us."),
            url_name="admin:ecomai_console_qualityreport_changelist",
            key="stale_events",
        )
    ]


def _rejected() -> list[Alert]:
    n = selectors.count_rejected_rows()
    if not n:
        return []
    title = ngettext("%(n)s row was not taken", "%(n)s rows were not taken", n) % {"n": n}
    return [
        Alert(
            state="attention",
            title=title,
            text=_("They are kept with their reasons, and can be replayed once mended."),
            url_name="admin:ecomai_commerce_rejectedrow_changelist",
            query=urlencode({"state__exact": "waiting"}),
            key="rejected_rows",
        )
    ]
