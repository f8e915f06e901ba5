"""Charts for admin pages: a Plotly figure as data, and the same numbers as a table.

Nothing of Plotly is imported here: a web process only passes the figure to the browser as JSON.
Colours come from the admin's style sheet, so a figure says nothing of them.
"""

import itertools
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Literal

import numpy as np
from django.utils import formats, timezone
from django.utils.translation import gettext as _

from ecomai.registry.metric_texts import metric_title

Size = Literal["small", "medium", "large"]
Number = float | int | None


@dataclass(frozen=True, kw_only=True)
class Chart:
    """What `{% chart %}` draws. `columns` and `rows` are the text alternative, formatted for people."""

    title: str
    figure: Mapping[str, Any]
    columns: Sequence[str] = ()
    rows: Sequence[Sequence[str]] = ()
    summary: str = ""
    size: Size = "medium"
    is_sparkline: bool = False
    layout: Mapping[str, Any] = field(default_factory=dict)

    @property
    def is_empty(self) -> bool:
        return not any(len(trace["x"]) for trace in self.figure["data"])


def line_chart(
    *, title: str, x: Sequence[Any], series: Mapping[str, Sequence[Number]], x_title: str = "",
    y_title: str = "", percent: bool = False, is_filled: bool = False, from_zero: bool = False,
    size: Size = "medium",
) -> Chart:  # fmt: skip
    """Return lines over a common `x` of numbers, days or moments; None in a series leaves a gap."""
    mode = "lines" if len(x) > 40 else "lines+markers"
    traces = [
        _trace("scatter", _plain(x), _plain(values), name=name, mode=mode)
        | ({"fill": "tozeroy"} if is_filled else {})
        for name, values in series.items()
    ]
    return Chart(
        title=title, size=size, columns=[x_title or _("At"), *series],
        figure=_figure(
            traces, x_title=_axis_title(x, x_title), y_title=y_title, percent=percent, from_zero=from_zero
        ),
        rows=_rows(x, list(series.values()), percent=percent),
    )  # fmt: skip


def bar_chart(
    *, title: str, categories: Sequence[Any], series: Mapping[str, Sequence[Number]], x_title: str = "",
    y_title: str = "", is_horizontal: bool = False, is_stacked: bool = False, percent: bool = False,
    size: Size = "medium",
) -> Chart:  # fmt: skip
    """Return bars beside each other, or stacked, for each category (names or days)."""
    names = [str(name) if not isinstance(name, date) else name for name in categories]
    traces = []
    for name, values in series.items():
        x, y = (_plain(values), _plain(names)) if is_horizontal else (_plain(names), _plain(values))
        traces.append(_trace("bar", x, y, name=name, orientation="h" if is_horizontal else "v"))
    # Beside horizontal bars the names stand for themselves; the table names their column.
    below, beside = (y_title, "") if is_horizontal else (_axis_title(categories, x_title), y_title)
    figure = _figure(traces, x_title=below, y_title=beside, percent=percent, is_horizontal=is_horizontal)
    figure["layout"]["barmode"] = "stack" if is_stacked else "group"
    return Chart(
        title=title, size=size, figure=figure, columns=[x_title or _("Group"), *series],
        rows=_rows(categories, list(series.values()), percent=percent),
    )  # fmt: skip


def histogram(
    *, title: str, values: Iterable[float], n_bins: int = 20, x_title: str = "", y_title: str = "",
    size: Size = "medium",
) -> Chart:  # fmt: skip
    """Return how often values fall into equal ranges; counted here, so the page carries only the counts."""
    numbers = np.asarray([value for value in values if value is not None], dtype=float)
    numbers = numbers[np.isfinite(numbers)]
    counts, edges = np.histogram(numbers, bins=n_bins) if numbers.size else (np.array([]), np.array([0.0]))
    centres = (edges[:-1] + edges[1:]) / 2
    trace = _trace("bar", centres.tolist(), counts.tolist(), name=y_title or _("Count"))
    figure = _figure([trace], x_title=x_title, y_title=y_title or _("Count"))
    figure["layout"]["bargap"] = 0.04
    ranges = [f"{_text(low)} – {_text(high)}" for low, high in itertools.pairwise(edges)]
    return Chart(
        title=title, size=size, figure=figure, columns=[x_title or _("Range"), y_title or _("Count")],
        rows=[[label, _text(int(count))] for label, count in zip(ranges, counts, strict=True)],
    )  # fmt: skip


def sparkline(*, title: str, values: Sequence[Number]) -> Chart:
    """Return a line without axes, for a card or a table cell; read out as first, last, lowest, highest."""
    known = [value for value in values if value is not None]
    summary = ""
    if known:
        summary = _("%(title)s: first %(first)s, last %(last)s, lowest %(lowest)s, highest %(highest)s.") % {
            "title": title, "first": _text(known[0]), "last": _text(known[-1]),
            "lowest": _text(min(known)), "highest": _text(max(known)),
        }  # fmt: skip
    trace = _trace("scatter", list(range(len(values))), _plain(values), name=title, mode="lines")
    return Chart(title=title, figure={"data": [trace], "layout": {}}, summary=summary, is_sparkline=True)


def metric_curves(points: Iterable[tuple[str, int, float]]) -> list[Chart]:
    """Return one small chart a metric from the (name, step, value) points of a training run."""
    by_name: dict[str, list[tuple[int, float]]] = {}
    for name, step, value in points:
        by_name.setdefault(name, []).append((step, value))
    charts = []
    for name, pairs in by_name.items():
        pairs.sort()
        steps, values = [step for step, _value in pairs], [value for _step, value in pairs]
        title = metric_title(name)
        charts.append(
            line_chart(title=title, x=steps, series={title: values}, x_title=_("Step"), size="small")
        )
    return charts


def compared_curves(runs: Mapping[str, Iterable[tuple[str, int, float]]]) -> list[Chart]:
    """Return one chart a metric with a line for each run, from (name, step, value) points by run."""
    found: dict[str, dict[str, dict[int, float]]] = {}
    for label, points in runs.items():
        for name, step, value in points:
            found.setdefault(name, {}).setdefault(label, {})[step] = value
    charts = []
    for name, curves in found.items():
        steps = sorted({step for curve in curves.values() for step in curve})
        series = {label: [curve.get(step) for step in steps] for label, curve in curves.items()}
        chart = line_chart(title=metric_title(name), x=steps, series=series, x_title=_("Step"), size="small")
        for trace in chart.figure["data"]:
            trace["connectgaps"] = True  # each run was judged at steps of its own
        charts.append(chart)
    return charts


def search_chart(
    trials: Sequence[tuple[int, float | None]], *, metric: str, is_greater_better: bool
) -> Chart:
    """Return what each trial of a search reached, and the best so far, from (number, value)."""
    better = max if is_greater_better else min
    best: list[Number] = []
    for _number, value in trials:
        known = [each for each in (*best[-1:], value) if each is not None]
        best.append(better(known) if known else None)
    title = metric_title(metric)
    chart = line_chart(
        title=_("Best so far"), x=[number for number, _value in trials], x_title=_("Trial"), y_title=title,
        series={_("Best so far"): best, _("This trial"): [value for _number, value in trials]},
    )  # fmt: skip
    chart.figure["data"][0]["line"] = {"shape": "hv"}
    chart.figure["data"][1]["mode"] = "markers"
    return chart


def _trace(kind: str, x: Sequence[Any], y: Sequence[Any], **more: Any) -> dict[str, Any]:
    return {"type": kind, "x": list(x), "y": list(y), **more}


def _figure(
    traces: list[dict[str, Any]], *, x_title: str = "", y_title: str = "", percent: bool = False,
    from_zero: bool = False, is_horizontal: bool = False,
) -> dict[str, Any]:  # fmt: skip
    value_axis: dict[str, Any] = {"tickformat": ",.2~%" if percent else ",~r"}
    if from_zero:
        value_axis["rangemode"] = "tozero"
    x_axis = {"title": {"text": x_title}, **(value_axis if is_horizontal else {})}
    y_axis = {"title": {"text": y_title}, **({} if is_horizontal else value_axis)}
    if is_horizontal:
        y_axis |= {"autorange": "reversed"}
    return {
        "data": traces,
        "layout": {"xaxis": x_axis, "yaxis": y_axis, "showlegend": len(traces) > 1},
    }


def _axis_title(values: Sequence[Any], title: str) -> str:
    """Days and moments say themselves what they are."""
    return "" if values and isinstance(values[0], date) else title


def _plain(values: Sequence[Any]) -> list[Any]:
    """Return values that JSON knows: moments in the shop's zone, numbers finite."""
    return [_plain_value(value) for value in values]


def _plain_value(value: Any) -> Any:
    if isinstance(value, datetime):
        return (
            (timezone.localtime(value) if timezone.is_aware(value) else value)
            .replace(tzinfo=None)
            .isoformat()
        )
    if isinstance(value, date):
        return value.isoformat()
    return _plain_number(value)


def _plain_number(value: Any) -> Any:
    """Return numbers of any library as Python's own; what is not finite is unknown."""
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float | Decimal):
        return float(value) if math.isfinite(value) else None
    return value


def _local(moment: datetime) -> datetime:
    return timezone.localtime(moment) if timezone.is_aware(moment) else moment


def _rows(x: Sequence[Any], series: Sequence[Sequence[Number]], *, percent: bool) -> list[list[str]]:
    return [
        [_text(label), *(_text(value, percent=percent) for value in values)]
        for label, *values in zip(x, *series, strict=True)
    ]


def _text(value: Any, *, percent: bool = False) -> str:
    """Return a value as the reader's language writes it."""
    value = _plain_number(value)
    if value is None:
        return "–"
    if isinstance(value, datetime):
        return formats.date_format(_local(value), "SHORT_DATETIME_FORMAT")
    if isinstance(value, date):
        return formats.date_format(value, "SHORT_DATE_FORMAT")
    if isinstance(value, str):
        return value
    if percent:
        return f"{formats.number_format(value * 100, 1)} %"
    if isinstance(value, int):
        return formats.number_format(value, force_grouping=True)
    magnitude = abs(value)
    decimals = 0 if magnitude >= 1000 or value == int(value) else 2 if magnitude >= 1 else 4
    return formats.number_format(round(float(value), decimals), decimals, force_grouping=True)
