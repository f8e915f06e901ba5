"""What sets a group of customers apart: category, prices, rhythm and stage against all customers."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

import numpy as np
from django.db.models import Avg, Count, QuerySet
from django.utils.translation import gettext as _

from ..models import CustomerProfile, Stage
from ..selectors import stage_condition
from ..summary import leaf_of

#: From so many times what is usual on, and from such a share on, something is said of a group.
STANDS_OUT, LEAST_SHARE = 1.3, 0.2
MEANS = {"average_order": "average_order", "gap_days": "own_gap_days", "n_orders": "n_orders"}
_CHUNK = 10_000


@dataclass(frozen=True)
class Description:
    """Figures of a group; None where nothing is known. Plain JSON by `as_json`."""

    n: int
    category: str
    category_share: float
    category_share_of_all: float
    average_order: float | None
    gap_days: float | None
    n_orders: float
    stages: dict[str, float]
    average_order_of_all: float | None
    gap_days_of_all: float | None
    stages_of_all: dict[str, float]

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def describe(pks: Sequence[int], *, now: datetime) -> Description:
    """Describe customers against all who may be addressed."""
    everybody = CustomerProfile.objects.filter(has_consent=True)
    parts = [
        everybody.filter(pk__in=list(pks[start : start + _CHUNK])) for start in range(0, len(pks), _CHUNK)
    ]
    categories = _shares([_categories(part) for part in parts])
    of_all = _shares([_categories(everybody)])
    category = max(categories, key=lambda name: (_lift(categories, of_all, name), name), default="")
    figures, all_figures = _mean([_figures(part, now) for part in parts]), _figures(everybody, now)
    return Description(
        n=len(pks), category=category, category_share=categories.get(category, 0.0),
        category_share_of_all=of_all.get(category, 0.0), average_order=figures["average_order"],
        gap_days=figures["gap_days"], n_orders=figures["n_orders"] or 0.0,
        stages={stage.value: figures[stage.value] or 0.0 for stage in Stage},
        average_order_of_all=all_figures["average_order"], gap_days_of_all=all_figures["gap_days"],
        stages_of_all={stage.value: all_figures[stage.value] or 0.0 for stage in Stage},
    )  # fmt: skip


def _lift(categories: dict[str, float], of_all: dict[str, float], name: str) -> float:
    """A large share that is more than usual; a rare category alone says little."""
    return categories[name] * np.log2(max(categories[name] / of_all.get(name, 1.0), 1e-6))


def _categories(profiles: QuerySet[CustomerProfile]) -> dict[str, int]:
    rows = profiles.exclude(favourite_category="").order_by().values_list("favourite_category")
    return dict(rows.annotate(n=Count("pk")))


def _shares(counts: Sequence[dict[str, int]]) -> dict[str, float]:
    total: dict[str, int] = {}
    for part in counts:
        for name, n in part.items():
            total[name] = total.get(name, 0) + n
    whole = sum(total.values())
    return {name: n / whole for name, n in total.items()}


def _figures(profiles: QuerySet[CustomerProfile], now: datetime) -> dict[str, float | None]:
    found = profiles.aggregate(
        n=Count("pk"),
        **{f"mean_{name}": Avg(column) for name, column in MEANS.items()},
        **{stage.value: Count("pk", filter=stage_condition(stage, now=now)) for stage in Stage},
    )
    n = found["n"]
    means = {name: found[f"mean_{name}"] for name in MEANS}
    return {
        "n": n,
        **{name: None if value is None else float(value) for name, value in means.items()},
        **{stage.value: found[stage.value] / n if n else 0.0 for stage in Stage},
    }


def _mean(parts: Sequence[dict[str, float | None]]) -> dict[str, float | None]:
    names = (*MEANS, *Stage.values)
    found: dict[str, float | None] = {}
    for name in names:
        known = [(part[name], part["n"]) for part in parts if part[name] is not None and part["n"]]
        whole = sum(float(n or 0) for _value, n in known)
        found[name] = sum(float(v or 0) * float(n or 0) for v, n in known) / whole if whole else None
    return found


# -- in words ---------------------------------------------------------------------------------------


def names_of(descriptions: Sequence[dict[str, Any]]) -> list[str]:
    """Return a short name for each in the active language, made of what stands out; no two alike."""
    names: list[str] = []
    for description in descriptions:
        parts = [text for text, _sentence in _traits(description)]
        base = ", ".join(parts[:3]) if parts else _("Customers like most")
        name = base[:1].upper() + base[1:90]
        n_alike = sum(known == name or known.startswith(f"{name} (") for known in names)
        names.append(f"{name} ({n_alike + 1})" if n_alike else name)
    return names


def sentences_of_group(description: dict[str, Any]) -> list[str]:
    """Say in the active language what sets the group apart."""
    found = [sentence for _text, sentence in _traits(description)]
    return found or [_("They are much like all customers.")]


def _traits(known: dict[str, Any]) -> list[tuple[str, str]]:
    """A few words and a sentence for each thing that stands out, most telling first."""
    return [*_of_category(known), *_of_prices(known), *_of_rhythm(known), *_of_stage(known)]


def _of_category(known: dict[str, Any]) -> list[tuple[str, str]]:
    share, usual = known["category_share"], known["category_share_of_all"]
    if not known["category"] or share < LEAST_SHARE or share < STANDS_OUT * usual:
        return []
    words = {"category": leaf_of(known["category"]), "share": round(100 * share), "usual": round(100 * usual)}
    sentence = _("%(share)s %% like “%(category)s” most; among all customers it is %(usual)s %%.")
    return [(_("Friends of %(category)s") % words, sentence % words)]


def _of_prices(known: dict[str, Any]) -> list[tuple[str, str]]:
    ratio = _ratio(known["average_order"], known["average_order_of_all"])
    words = {"share": round(100 * abs(ratio - 1))}
    if ratio >= STANDS_OUT:
        return [(_("large orders"), _("Their orders are %(share)s %% larger than usual.") % words)]
    if ratio <= 1 / STANDS_OUT:
        return [(_("small orders"), _("Their orders are %(share)s %% smaller than usual.") % words)]
    return []


def _of_rhythm(known: dict[str, Any]) -> list[tuple[str, str]]:
    ratio = _ratio(known["gap_days"], known["gap_days_of_all"])
    words = {"days": round(known["gap_days"] or 0), "usual": round(known["gap_days_of_all"] or 0)}
    sentence = _("They order every %(days)s days; usual is every %(usual)s.") % words
    if ratio <= 1 / STANDS_OUT:
        return [(_("order often"), sentence)]
    return [(_("order rarely"), sentence)] if ratio >= STANDS_OUT else []


def _of_stage(known: dict[str, Any]) -> list[tuple[str, str]]:
    shares, usual = known["stages"], known["stages_of_all"]
    stage = max(shares, key=lambda name: shares[name] - usual.get(name, 0.0))
    if shares[stage] < LEAST_SHARE or shares[stage] < STANDS_OUT * usual.get(stage, 0.0):
        return []
    words = {
        "share": round(100 * shares[stage]), "usual": round(100 * usual.get(stage, 0.0)),
        "stage": Stage(stage).label,
    }  # fmt: skip
    sentence = _("%(share)s %% are “%(stage)s”; among all customers it is %(usual)s %%.")
    return [(_("many “%(stage)s”") % words, sentence % words)]


def _ratio(value: float | None, usual: float | None) -> float:
    return value / usual if value and usual else 1.0
