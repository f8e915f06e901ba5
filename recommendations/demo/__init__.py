"""What the demo shop shows of this scenario."""

from django.db import transaction

from ecomai.commerce.models import Item
from ecomai.exceptions import ConflictError
from ecomai.registry.selectors import serving_version
from ecomai.registry.services import request_scoring

from .. import services
from ..scenario import NEXT_ITEM
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
    try:
        request_scoring(model_name=NEXT_ITEM)
    except ConflictError:
        # A scoring that is on its way already does the same.
        return
