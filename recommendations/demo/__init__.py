"""What the demo shop shows of this scenario."""

from django.db import transaction

from ecomai.commerce.models import Item
from ecomai.exceptions import ConflictError
from ecomai.registry.selectors import serving_version
from ecomai.registry.services import request_scoring, request_training

from .. import services
from ..scenario import NEXT_ITEM, RANKER
from .experiment import begin_experiment, count_experiment
from .long_tail import count_exposure
from .pipeline import begin_pipeline
from .traffic import seed_traffic


def seed_demo() -> None:
    """Count popularity, encode new items, tell a year of what was shown, score all. Safe to run twice."""
    services.refresh_popularity()
    if serving_version(NEXT_ITEM) is None:
        return
    services.encode_items(item_keys=list(Item.objects.values_list("pk", flat=True)))
    with transaction.atomic():  # beat would count what is half told
        experiment = begin_experiment()
        seed_traffic(experiment=experiment, pipeline=begin_pipeline())
        count_experiment(experiment)
    count_exposure()
    _learn_from_answers()
    try:
        request_scoring(model_name=NEXT_ITEM)
    except ConflictError:
        # A scoring that is on its way already does the same.
        return


def _learn_from_answers() -> None:
    """Train the ranker once more, in the background: the first one learned before there were answers."""
    version = serving_version(RANKER)
    if version is None or "position_propensities" in version.card:
        return
    try:
        request_training(model_name=RANKER, random_state=7)
    except ConflictError:
        return  # one is on its way
