"""What alert rules can watch of risk: how groups of customers fare, and what waits too long."""

from datetime import timedelta

from django.db.models import Max
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from ecomai.console.measures import Measure, Reading, register_measure

from . import selectors
from .models import Case, FairnessReport
from .services import fairness

_HERE = __name__
#: A gap of ten percent of the customers of a group.
GAP_BOUND = 0.1
PAGE = "admin:ecomai_risk_fairnessreport_changelist"
QUEUE = "admin:ecomai_risk_case_changelist"
RULES = "admin:ecomai_risk_rule_changelist"


def register_measures() -> None:
    register_measure(
        Measure(
            name="risk.approval_gap",
            verbose_name=gettext_lazy("How much less often a group of customers is approved"),
            read=f"{_HERE}.approval_gap", unit="%", default_bound=GAP_BOUND, url_name=PAGE,
        )
    )  # fmt: skip
    register_measure(
        Measure(
            name="risk.false_positive_gap",
            verbose_name=gettext_lazy("How much more often honest customers of a group are stopped"),
            read=f"{_HERE}.false_positive_gap", unit="%", default_bound=GAP_BOUND, url_name=PAGE,
        )
    )  # fmt: skip
    register_measure(
        Measure(
            name="risk.overdue_cases",
            verbose_name=gettext_lazy("Cases that should have been decided"),
            read=f"{_HERE}.overdue_cases", default_bound=0, url_name=QUEUE,
        )
    )  # fmt: skip
    register_measure(
        Measure(
            name="risk.failing_rules",
            verbose_name=gettext_lazy("Rules whose condition fails"),
            read=f"{_HERE}.failing_rules", default_bound=0, url_name=RULES, is_said_by_label=True,
        )
    )  # fmt: skip


def failing_rules() -> list[Reading]:
    """One for each rule that failed within the last day; a rule that fails no more is said no more."""
    return [Reading(1.0, str(rule.pk), str(rule), rule.problem) for rule in selectors.failing_rules()]


def approval_gap() -> list[Reading]:
    return _readings(fairness.approval_gaps)


def false_positive_gap() -> list[Reading]:
    return _readings(fairness.false_positive_gaps)


def overdue_cases() -> list[Reading]:
    overdue = Case.objects.exclude(state=Case.State.DECIDED).filter(due_at__lt=timezone.now())
    return [Reading(float(overdue.count()))]


def _readings(gaps: fairness.Judge) -> list[Reading]:
    """Read the newest report of each kind and grouping; one of a week ago says nothing of today."""
    since = timezone.localdate() - timedelta(days=2)
    rows = FairnessReport.objects.filter(day__gte=since)
    newest = rows.values("kind", "grouping").annotate(newest=Max("pk")).values_list("newest", flat=True)
    return [
        Reading(gap.value, f"{report.kind}:{report.grouping}:{gap.group}", _label(report, gap.group))
        for report in FairnessReport.objects.filter(pk__in=list(newest)).order_by("kind", "grouping")
        for gap in gaps(fairness.read_figures(report.figures))
    ]


def _label(report: FairnessReport, group: str) -> str:
    told = {"kind": report.get_kind_display(), "grouping": report.get_grouping_display(), "group": group}
    return _("%(kind)s, %(grouping)s %(group)s") % told
