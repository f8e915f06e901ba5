"""A pipeline beside the demo shop's items, which wants a share of the places for what is rarely shown."""

from datetime import timedelta

from django.utils import timezone
from django.utils.translation import gettext as _

from ..models import Pipeline
from ..services.pipelines import plant_usual_sources, put_pipeline_live

BESIDE = "item"
LIVE_FOR = timedelta(days=14)
TAIL_SHARE = 0.25


def begin_pipeline() -> Pipeline:
    """Return the pipeline, begun where the placement has none; once begun it is the admin's."""
    known = Pipeline.objects.filter(placement=BESIDE, storefront="").order_by("pk").first()
    if known is not None:
        return known
    pipeline = Pipeline.objects.create(
        name=_("Beside an item, with room for what is rarely shown"), placement=BESIDE, tail_share=TAIL_SHARE
    )
    plant_usual_sources(pipeline)
    put_pipeline_live(pipeline=pipeline)
    # The shop has a year behind it, and so has what goes on in it.
    since = timezone.now() - LIVE_FOR
    Pipeline.objects.filter(pk=pipeline.pk).update(created_at=since, live_since=since)
    pipeline.refresh_from_db()
    return pipeline
