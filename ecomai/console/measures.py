"""What an alert rule can watch: rooms and scenarios register measures, an admin sets their bounds."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from django.utils import timezone
from django.utils.formats import number_format
from django.utils.module_loading import import_string
from django.utils.translation import gettext_lazy as _

from ecomai.exceptions import NotFoundError

from . import selectors


@dataclass(frozen=True)
class Reading:
    """The newest value of a measure for one thing; `dimension` is its stable name, `label` that for people.

    None is not known: what was open stays open, and nothing new is said.
    """

    value: float | None
    dimension: str = ""
    label: str = ""
    text: str = ""


@dataclass(frozen=True, kw_only=True)
class Measure:
    """A number that can be watched. `read` is the dotted path of `() -> Sequence[Reading]`.

    It is asked each minute, so it must read rows that are counted already, and never scan events. `unit` is
    "%" for shares from 0 to 1. `url_name` is the admin page where one reads on.
    """

    name: str
    verbose_name: Any
    read: str
    unit: str = ""
    default_bound: float = 0.0
    is_worse_above: bool = True
    url_name: str = ""
    is_said_by_label: bool = False  # the number itself says nothing to people

    def readings(self) -> Sequence[Reading]:
        function: Callable[[], Sequence[Reading]] = import_string(self.read)
        return function()

    def as_text(self, value: float) -> str:
        """Return a value with its unit, as people write it."""
        if self.unit == "%":
            return f"{number_format(value * 100, 1)} %"
        decimals = 0 if float(value).is_integer() else 2
        return f"{number_format(value, decimals)} {self.unit}".strip()


_measures: dict[str, Measure] = {}


def register_measure(measure: Measure) -> None:
    """Offer a measure for alert rules; its name begins with that of its room, as in `risk.queue_age`."""
    _measures[measure.name] = measure


def measures() -> list[Measure]:
    return list(_measures.values())


def get_measure(name: str) -> Measure:
    try:
        return _measures[name]
    except KeyError:
        raise NotFoundError(_("No installed part measures “%(name)s”."), name=name) from None


# -- the console's own ----------------------------------------------------------------------------

_HERE = "ecomai.console.measures"
#: All that the front page says needs attention, whatever it is.
FRONT_PAGE = Measure(
    name="console.alerts",
    verbose_name=_("What the console's front page says needs attention"),
    read=f"{_HERE}.front_page_readings",
    is_said_by_label=True,
)
WAITING_JOBS = Measure(
    name="console.waiting_jobs",
    verbose_name=_("Jobs that wait in a queue"),
    read=f"{_HERE}.waiting_jobs",
    default_bound=100,
    url_name="admin:ecomai_registry_job_changelist",
)
EVENT_AGE = Measure(
    name="console.event_age",
    verbose_name=_("Time since the newest event"),
    read=f"{_HERE}.event_age",
    unit="h",
    default_bound=24,
    url_name="admin:ecomai_console_qualityreport_changelist",
)
REJECTED_ROWS = Measure(
    name="console.rejected_rows",
    verbose_name=_("Rows that were not taken"),
    read=f"{_HERE}.rejected_rows",
    default_bound=100,
    url_name="admin:ecomai_commerce_rejectedrow_changelist",
)


def register_own_measures() -> None:
    for measure in (FRONT_PAGE, WAITING_JOBS, EVENT_AGE, REJECTED_ROWS):
        register_measure(measure)


def front_page_readings() -> list[Reading]:
    """Each alert of the front page is one thing: 1 for one to look at, 2 for a problem."""
    from . import alerts

    found = alerts.own_alerts()
    return [
        Reading(2.0 if alert.state == "problem" else 1.0, alert.stable_key, alert.title, alert.text)
        for alert in found
    ]


def waiting_jobs() -> list[Reading]:
    return [Reading(queue.n_waiting, queue.name, queue.name) for queue in selectors.queues()]


def event_age() -> list[Reading]:
    newest = selectors.newest_event_at()
    if newest is None:
        return []
    return [Reading((timezone.now() - newest).total_seconds() / 3600)]


def rejected_rows() -> list[Reading]:
    return [Reading(selectors.count_rejected_rows())]
