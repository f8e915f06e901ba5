"""`{% chart c %}`, `{% metric_curve points %}` and `{% chart_assets %}` for admin pages."""

import json
import uuid
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from django import template
from django.core.serializers.json import DjangoJSONEncoder
from django.urls import reverse
from django.utils.safestring import SafeString, mark_safe

from ecomai.console.assets import plotly_release
from ecomai.console.charts import Chart, compared_curves, metric_curves, search_chart
from ecomai.registry.metric_texts import is_technical

register = template.Library()


@register.inclusion_tag("ecomai/console/charts/assets.html")
def chart_assets() -> dict[str, Any]:
    """Style sheet and script that draw the charts of a page; once, in the page's head."""
    return {}


@register.inclusion_tag("ecomai/console/charts/chart.html")
def chart(chart: Chart) -> dict[str, Any]:
    """A figure with its title, its numbers as a table, and a way to read it without JavaScript."""
    return {
        "chart": chart,
        "id": f"ecomai-chart-{uuid.uuid4().hex[:12]}",
        "figure": _as_json(chart.figure),
        "plotly_url": reverse("ecomai:plotly", args=[plotly_release()]),
    }


@register.inclusion_tag("ecomai/console/charts/curves.html")
def metric_curve(points: Iterable[tuple[str, int, float]]) -> dict[str, Any]:
    """The live curves of a training run, one chart a metric, from (name, step, value) points.

    What only says how the training steers itself is folded away.
    """
    points = list(points)
    inner = [point for point in points if is_technical(point[0])]
    telling = [point for point in points if not is_technical(point[0])]
    return {"charts": metric_curves(telling), "inner_charts": metric_curves(inner)}


@register.inclusion_tag("ecomai/console/charts/curves.html")
def compared_curve(runs: Mapping[str, Iterable[tuple[str, int, float]]]) -> dict[str, Any]:
    """The curves of several training runs, a line for each run; points by the run's name."""
    return {"charts": compared_curves(runs), "inner_charts": []}


@register.inclusion_tag("ecomai/console/charts/chart.html")
def search_curve(trials: Sequence[Any], metric: str, is_greater_better: bool) -> dict[str, Any]:
    """What the trials of a search reached; each has `number`, from 0, and `value`."""
    values = [(trial.number + 1, trial.value) for trial in trials]
    return chart(search_chart(values, metric=metric, is_greater_better=is_greater_better))


# Inside a script element only these could end it or be read as markup.
_ESCAPES = {ord(">"): "\\u003E", ord("<"): "\\u003C", ord("&"): "\\u0026"}


def _as_json(figure: Any) -> SafeString:
    return mark_safe(json.dumps(figure, cls=DjangoJSONEncoder).translate(_ESCAPES))  # noqa: S308 - escaped above
