"""`{% chart c %}`, `{% metric_curve points %}` and `{% chart_assets %}` for admin pages."""

import json
import uuid
from collections.abc import Iterable
from typing import Any

from django import template
from django.core.serializers.json import DjangoJSONEncoder
from django.urls import reverse
from django.utils.safestring import SafeString, mark_safe

from ecomai.console.assets import plotly_release
from ecomai.console.charts import Chart, metric_curves
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


# Inside a script element only these could end it or be read as markup.
_ESCAPES = {ord(">"): "\\u003E", ord("<"): "\\u003C", ord("&"): "\\u0026"}


def _as_json(figure: Any) -> SafeString:
    return mark_safe(json.dumps(figure, cls=DjangoJSONEncoder).translate(_ESCAPES))  # noqa: S308 - escaped above
