"""What the admin's preview of a pipeline shows: it beside what is live, for any customer or session."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.utils.translation import gettext as _

from ecomai.commerce.models import Customer, Event, Item

from .. import catalogue as catalogues
from .. import services
from ..item_rows import items_by_key
from ..models import Pipeline
from ..pipeline import plans
from ..pipeline.explaining import Explanation, Why
from ..pipeline.running import Trace
from ..serializers import first_image

N_SHOWN = 12
#: Of the first so many candidates it is told which were left out.
N_LEFT_OUT = 40
N_OFFERED = 12


@dataclass(frozen=True)
class Row:
    """An item of a list, and how it came there; `place` is empty where it was left out."""

    item: Item
    image_url: str
    place: int | None = None
    reason: str = ""
    why: Why | None = None


@dataclass(frozen=True)
class Panel:
    """One of the lists that stand side by side; `notes` are sentences about the whole of it."""

    title: str
    pipeline: Pipeline | None
    answer: Any
    rows: Sequence[Row] = ()
    left_out: Sequence[Row] = ()
    notes: Sequence[str] = ()
    problems: Sequence[tuple[str, str]] = field(default_factory=list)


def preview_context(pipeline: Pipeline, query: Mapping[str, str]) -> dict[str, Any]:
    """Return the page's context for its query string: `customer`, `session`, `item`, `basket`, or nobody."""
    asked = {name: query.get(name, "").strip()[:500] for name in ("customer", "session", "item", "basket")}
    live = Pipeline.objects.filter(
        storefront=pipeline.storefront, placement=pipeline.placement, state=Pipeline.State.LIVE
    ).first()
    panels = [_panel(pipeline, asked, storefront=pipeline.storefront, placement=pipeline.placement)]
    if live is None or live.pk != pipeline.pk:
        panels.append(_panel(live, asked, storefront=pipeline.storefront, placement=pipeline.placement))
    return {
        "pipeline": pipeline,
        "asked": asked,
        "panels": panels,
        "unknown": panels[0].answer.unknown_ids,
        "customers": _seen_last(pipeline.storefront),
    }


def _panel(pipeline: Pipeline | None, asked: Mapping[str, str], *, storefront: str, placement: str) -> Panel:
    trace = Trace()
    answer = services.recommend(
        storefront=storefront, customer_id=asked["customer"], session_id=asked["session"],
        item_id=asked["item"], basket=[one.strip() for one in asked["basket"].split(",") if one.strip()],
        n=N_SHOWN, placement=placement if pipeline else "", pipeline_id=pipeline.pk if pipeline else None,
        trace=trace, is_kept=False,
    )  # fmt: skip
    plan = plans.plan_of(pipeline.pk) if pipeline else None
    explanation = Explanation(plan, trace, catalogues.current()) if plan else None
    is_answered = explanation is not None and answer.pipeline_id is not None
    rows = [
        Row(pick.item, first_image(pick.item), place, pick.reason.text,
            explanation.why(pick.item.pk) if explanation and is_answered else None)
        for place, pick in enumerate(answer.picks, start=1)
    ]  # fmt: skip
    return Panel(
        title=pipeline.name if pipeline else _("As without a pipeline"),
        pipeline=pipeline,
        answer=answer,
        rows=rows,
        left_out=_left_out(explanation) if explanation else [],
        notes=_notes(explanation, trace, answer) if explanation else [],
        problems=explanation.problems if explanation else [],
    )


def _left_out(explanation: Explanation) -> list[Row]:
    found = explanation.left_out(n=N_LEFT_OUT)
    items = items_by_key([why.key for why in found])
    return [Row(items[why.key], first_image(items[why.key]), why=why) for why in found if why.key in items]


def _notes(explanation: Explanation, trace: Trace, answer: Any) -> list[str]:
    """Say in sentences what nobody would see in the list."""
    if answer.pipeline_id is None and explanation.is_all_left_out:
        return [
            _("Its rules leave out everything, so customers see the fallback: what is shown here is what the "
              "placement shows without a pipeline. Loosen a rule.")
        ]  # fmt: skip
    if answer.pipeline_id is None:
        return [_("It names nothing, so customers see the fallback. Give it more sources.")]
    if trace.is_filled_up:
        return [_("Its sources name too little, so the list is filled up with what is popular or new.")]
    return []


def _seen_last(storefront: str) -> list[Customer]:
    """Return customers who did something last, to choose from."""
    newest = Event.objects.filter(customer__isnull=False, customer__storefront=storefront)
    keys = newest.order_by("-occurred_at").values_list("customer_id", flat=True)[: 20 * N_OFFERED]
    found = Customer.objects.in_bulk(list(dict.fromkeys(keys))[:N_OFFERED])
    return list(found.values())
