"""Versions side by side: the rows of the comparisons that the admin shows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from ecomai import scenarios
from ecomai.exceptions import NotFoundError

from .metric_texts import explain_metric, gain_text, is_detail, is_greater_better, metric_title
from .models import ModelVersion
from .services.promotion import relative_gain


@dataclass(frozen=True, kw_only=True)
class Cell:
    """A value, and how it compares: a relative gain, and a remark that `is_good` colours."""

    value: float | None
    gain: float | None = None
    remark: str = ""
    is_good: bool = True


@dataclass(frozen=True, kw_only=True)
class Column:
    """A heading of a comparison, and what it means."""

    title: str
    text: str = ""


@dataclass(frozen=True, kw_only=True)
class MetricRow:
    name: str
    title: str
    text: str
    is_primary: bool
    is_detail: bool
    cells: Sequence[Cell]


@dataclass(frozen=True, kw_only=True)
class TradeOffs:
    """What smaller or faster variants of a model cost, and what they gain."""

    columns: Sequence[Column]
    rows: Sequence[Sequence[Any]]


TRADE_OFF_TITLES: dict[str, Any] = {
    "name": gettext_lazy("Variant"),
    "size_mb": gettext_lazy("Size (MB)"),
    "memory_mb": gettext_lazy("Memory (MB)"),
    "n_parameters": gettext_lazy("Parameters"),
    "n_layers": gettext_lazy("Layers"),
    "texts_per_second": gettext_lazy("Texts per second"),
    "texts_per_second_1": gettext_lazy("Texts per second, one at a time"),
    "texts_per_second_32": gettext_lazy("Texts per second, 32 at a time"),
    "cosine": gettext_lazy("Likeness to the original (cosine)"),
    "cosine_p5": gettext_lazy("Likeness to the original (cosine of all but the worst 5 %)"),
    "cosine_min": gettext_lazy("Least likeness to the original (cosine)"),
    "neighbours_kept": gettext_lazy("Share of nearest neighbours kept"),
    "batch_cosine_min": gettext_lazy("Likeness of a text alone and among others (cosine)"),
    "latency_ms": gettext_lazy("Time for an answer (ms)"),
    "train_seconds": gettext_lazy("Time to train (s)"),
    "quality": gettext_lazy("Quality"),
    "quality_kept": gettext_lazy("Quality kept"),
    "speedup": gettext_lazy("Times as fast"),
    "is_chosen": gettext_lazy("Chosen"),
}


def trade_off_table(card: Mapping[str, Any]) -> TradeOffs | None:
    """The table of a card's `trade_offs`, a list of mappings; None where it has none that can be read."""
    found = card.get("trade_offs")
    variants = [each for each in found if isinstance(each, Mapping)] if isinstance(found, list) else []
    if not variants:
        return None
    names = list(dict.fromkeys(name for variant in variants for name in variant))
    names.sort(key=lambda name: name != "name")
    return TradeOffs(
        columns=[Column(title=_trade_off_title(name)) for name in names],
        rows=[[variant.get(name) for name in names] for variant in variants],
    )


def _trade_off_title(name: str) -> str:
    known = TRADE_OFF_TITLES.get(name)
    title = str(known) if known else metric_title(name)
    return title if title != name else name.replace("_", " ").capitalize()


def version_rows(version: ModelVersion) -> list[MetricRow]:
    """A version against the live version and the baseline, all measured on the same test period."""
    others = [version.live_metrics, version.baseline_metrics]
    return [
        _row(
            version.model_name,
            name,
            [Cell(value=version.metrics.get(name))]
            + [_remarked(version.model_name, name, version.metrics, other) for other in others],
        )
        for name in _names(version.model_name, [version.metrics, *others])
    ]


def group_rows(version: ModelVersion) -> list[MetricRow]:
    """A version's metrics by group, each against everyone's; only metrics that groups have."""
    groups = [version.group_metrics[name] for name in sorted(version.group_metrics)]
    return [
        _row(
            version.model_name,
            name,
            [Cell(value=version.metrics.get(name))]
            + [_against_everyone(version.model_name, name, version.metrics, group) for group in groups],
        )
        for name in _names(version.model_name, groups)
    ]


def group_columns(version: ModelVersion) -> list[Column]:
    """What the groups of a version are called; the scenario says so, else a group keeps its name."""
    spec = _spec(version.model_name)
    known = spec.groups if spec else {}
    columns = [Column(title=_("Everyone"))]
    for name in sorted(version.group_metrics):
        group = known.get(name)
        if group is None:
            columns.append(Column(title=name.replace("_", " ")))
        else:
            columns.append(Column(title=str(group.verbose_name), text=str(group.description)))
    return columns


def metric_rows(versions: Sequence[ModelVersion]) -> list[MetricRow]:
    """Versions of one model as columns, without a judgement: they were tested at different times."""
    model_name = versions[0].model_name
    return [
        _row(model_name, name, [Cell(value=version.metrics.get(name)) for version in versions])
        for name in _names(model_name, [version.metrics for version in versions])
    ]


def _spec(model_name: str) -> scenarios.ModelSpec | None:
    try:
        return scenarios.get_model_spec(model_name)
    except NotFoundError:
        return None  # its scenario is no longer installed; the numbers are still worth a look


def _names(model_name: str, columns: Sequence[Mapping[str, float]]) -> list[str]:
    """All metrics of the columns: the one that decides first, then what says more, then the details."""
    spec = _spec(model_name)
    primary = spec.primary_metric if spec else ""
    names = {name for metrics in columns for name in metrics}
    return sorted(names, key=lambda name: (name != primary, is_detail(name, primary), name))


def _row(model_name: str, name: str, cells: Sequence[Cell]) -> MetricRow:
    spec = _spec(model_name)
    is_primary = spec is not None and name == spec.primary_metric
    return MetricRow(
        name=name, title=metric_title(name), text=explain_metric(name), cells=cells, is_primary=is_primary,
        is_detail=spec is not None and is_detail(name, spec.primary_metric),
    )  # fmt: skip


def _gain(model_name: str, name: str, new: float | None, old: float | None) -> float | None:
    """How much better `new` is; None where it is not known which way is better."""
    spec = _spec(model_name)
    is_primary = spec is not None and name == spec.primary_metric
    direction = spec.greater_is_better if spec and is_primary else is_greater_better(name)
    if direction is None or new is None or old is None or old == 0:
        return None
    return relative_gain(new, old, greater_is_better=direction)


def _remarked(model_name: str, name: str, metrics: Mapping[str, float], other: Mapping[str, float]) -> Cell:
    gain = _gain(model_name, name, metrics.get(name), other.get(name))
    if gain is None:
        return Cell(value=other.get(name))
    if gain >= 1:
        remark = _("new one has %(times)s as much") % {"times": gain_text(gain)}
    else:
        text = _("new one is %(gain)s better") if gain >= 0 else _("new one is %(gain)s worse")
        remark = text % {"gain": f"{abs(gain):.1%}"}
    return Cell(value=other.get(name), gain=gain, remark=remark, is_good=gain >= 0)


def _against_everyone(
    model_name: str, name: str, everyone: Mapping[str, float], group: Mapping[str, float]
) -> Cell:
    gain = _gain(model_name, name, group.get(name), everyone.get(name))
    if gain is None:
        return Cell(value=group.get(name))
    text = _("%(gain)s better than average") if gain >= 0 else _("%(gain)s worse than average")
    return Cell(
        value=group.get(name), gain=gain, remark=text % {"gain": f"{abs(gain):.1%}"}, is_good=gain >= 0
    )
