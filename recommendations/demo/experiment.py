"""An experiment on the demo shop's front page that has been running for five weeks."""

from datetime import timedelta

from django.utils import timezone
from django.utils.translation import gettext as _

from ecomai.experiments.models import Arm, Experiment, GuardRail
from ecomai.experiments.services import start_experiment, take_snapshot

from ..models import Source

SLUG = "demo-home-model"
HOME = "home"
RUNNING_SINCE = timedelta(days=35)
OUTCOME_DAYS = 7


def begin_experiment() -> Experiment:
    """Return the experiment, begun where it is not there yet; once begun it is the admin's."""
    known = Experiment.objects.filter(slug=SLUG).first()
    if known is not None:
        return known
    experiment = Experiment.objects.create(
        slug=SLUG,
        name=_("Front page: what comes next, or what is similar"),
        subject=f"recommendations:{HOME}",
        hypothesis=_(
            "More visitors click on what is like their latest steps than on what the model expects."
        ),
        unit=Experiment.Unit.CUSTOMER,
        primary_metric="click_through_there",
        outcome_days=OUTCOME_DAYS,
        minimum_effect=0.2,
    )
    for name, source, is_control in (
        (_("what comes next"), Source.MODEL, True),
        (_("what is similar"), Source.SIMILAR, False),
    ):
        configuration = {"source": source.value}
        Arm.objects.create(
            experiment=experiment, name=name, configuration=configuration, is_control=is_control
        )
    GuardRail.objects.create(experiment=experiment, metric="conversion", allowed_loss=0.1)
    start_experiment(experiment=experiment)
    # The shop has a year behind it, and so has what goes on in it.
    began = timezone.now() - RUNNING_SINCE
    Experiment.objects.filter(pk=experiment.pk).update(created_at=began, started_at=began)
    experiment.refresh_from_db()
    return experiment


def count_experiment(experiment: Experiment) -> None:
    """Count what came of it on each day so far, as beat would have."""
    if experiment.snapshots.exists() or not experiment.is_running:
        return
    now = timezone.now()
    for days_ago in range((RUNNING_SINCE - timedelta(days=OUTCOME_DAYS)).days, -1, -1):
        take_snapshot(experiment=experiment, as_of=now - timedelta(days=days_ago))
