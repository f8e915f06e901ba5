"""What the console says of experiments that need a person: an uneven split, a broken guard rail."""

from django.utils.translation import gettext as _

from ecomai.console.alerts import Alert

from . import reports, selectors
from .models import Experiment


def alerts() -> list[Alert]:
    """Look at the newest results of what runs; a fixed number of queries."""
    found: list[Alert] = []
    running = Experiment.objects.filter(state=Experiment.State.RUNNING)
    for experiment in selectors.with_parts(running):
        for text in reports.alarm_texts(experiment, reports.results_of(experiment)):
            found.append(
                Alert(
                    state="problem",
                    title=_("Experiment “%(name)s”") % {"name": experiment.name},
                    text=text,
                    url_name="admin:ecomai_experiments_report",
                    url_args=(experiment.pk,),
                )
            )
    return found
