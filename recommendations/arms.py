"""What arms of experiments at placements may show, and what their configurations mean for an answer."""

import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _

from ecomai.experiments.choices import ArmChoice
from ecomai.registry.models import ModelVersion

from .models import Pipeline, Source
from .scenario import NEXT_ITEM

logger = logging.getLogger(__name__)

#: What an experiment's place begins with; the placement follows, as in `recommendations:home`.
SUBJECT = "recommendations"
#: Who may answer first in an arm.
FIRST = (Source.MODEL.value, Source.SIMILAR.value, Source.POPULAR.value)
#: Of each placement and of the model, so many of the newest are offered.
MOST_OFFERED = 20


@dataclass(frozen=True)
class ArmPart:
    """What an arm asks of an answer; nothing of it: as always."""

    first: Source | None = None
    pipeline_id: int | None = None
    model_version: int | None = None


def read_arm(configuration: Mapping[str, Any]) -> ArmPart:
    """Read `{"source": ...}`, `{"pipeline": id}` or `{"model_version": n}`; as always where it cannot."""
    source = configuration.get("source")
    if source is not None and source not in FIRST:
        logger.error("An experiment asks for the source %r; known are %s.", source, ", ".join(FIRST))
        source = None
    return ArmPart(
        first=None if source is None else Source(source),
        pipeline_id=_number(configuration, "pipeline"),
        model_version=_number(configuration, "model_version"),
    )


def _number(configuration: Mapping[str, Any], name: str) -> int | None:
    value = configuration.get(name)
    if value is None:
        return None
    if isinstance(value, int) and not isinstance(value, bool) and value > 0:
        return value
    logger.error("An experiment asks for the %s %r, which is no number of one.", name, value)
    return None


def arm_choices() -> Iterator[ArmChoice]:
    """Yield pipelines of each placement by name, versions of the model, and who may answer first."""
    rows = Pipeline.objects.order_by("placement", "-pk")
    offered: dict[str, int] = {}
    for row in rows:
        offered[row.placement] = offered.get(row.placement, 0) + 1
        if offered[row.placement] <= MOST_OFFERED:
            label = _("pipeline “%(name)s” (%(state)s)") % {
                "name": row.name,
                "state": row.get_state_display(),
            }
            yield ArmChoice(label, {"pipeline": row.pk}, f"{SUBJECT}:{row.placement}")
    versions = ModelVersion.objects.filter(model_name=NEXT_ITEM, is_artifact_deleted=False).order_by(
        "-number"
    )
    for number in versions.values_list("number", flat=True)[:MOST_OFFERED]:
        yield ArmChoice(_("version %(number)s of the model") % {"number": number}, {"model_version": number})
    yield ArmChoice(_("the model, without a pipeline"), {"source": Source.MODEL.value})
    yield ArmChoice(_("similar items first"), {"source": Source.SIMILAR.value})
    yield ArmChoice(_("popular items"), {"source": Source.POPULAR.value})
