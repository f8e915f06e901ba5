"""The pages of likeness: a look at who is most like a segment, and the groups that were found."""

from collections.abc import Mapping
from typing import Any

from django.utils import timezone
from django.utils.formats import number_format
from django.utils.translation import gettext as _

from ecomai.commerce.app_settings import app_settings as commerce_settings
from ecomai.commerce.money import format_money
from ecomai.numbers import format_percent

from ..likeness.describing import describe, sentences_of_group
from ..likeness.vectors import ready_version
from ..models import Cluster, Lookalike, Segment, Stage, VectorVersion
from ..models.likeness import MOST_SIMILAR
from ..services.clusters import proposed_names
from ..services.likeness import alikeness_of, similar_to

#: With more customers, the look before would keep a person waiting.
MOST_LOOKED_THROUGH = 100_000
LEAST_FOUND, N_DESCRIBED = 100, 10_000


def given(sent: Mapping[str, Any], seed: Segment) -> dict[str, Any]:
    """What was asked for, or what is offered: as many as the segment has."""
    usual = max(seed.n_members, LEAST_FOUND)
    text = str(sent.get("n", ""))
    n = int(text) if text.isascii() and text.isdigit() and len(text) < 9 else usual
    name = str(sent.get("name", "")) or _("Like “%(name)s”") % {"name": seed.name[:80]}
    return {"name": name, "n": n, "is_refreshed": sent.get("is_refreshed") == "on"}


def similar_context(seed: Segment, given: Mapping[str, Any]) -> dict[str, Any]:
    version = ready_version()
    n = min(max(given["n"], 1), MOST_SIMILAR)
    return {
        "segment": seed, "given": given, "version": version, "most": MOST_SIMILAR,
        "found": _found(seed, n, version),
    }  # fmt: skip


def _found(seed: Segment, n: int, version: VectorVersion | None) -> dict[str, Any] | None:
    """How alike they are and what they share; None where it would take too long, or nothing is known."""
    if version is None or version.n_customers > MOST_LOOKED_THROUGH:
        return None
    similar = similar_to(seed, n=n, version=version)
    if not len(similar.pks):
        return {"n": 0}
    description = describe(similar.pks[:N_DESCRIBED].tolist(), now=timezone.now()).as_json()
    alikeness = alikeness_of(similar)
    return {
        "n": len(similar.pks), "n_seeds": similar.n_seeds, "mean": _hundredths(alikeness["mean"]),
        "least": _hundredths(alikeness["least"]), "sentences": sentences_of_group(description),
    }  # fmt: skip


def lookalike_of(segment: Segment) -> dict[str, Any] | None:
    """What a segment's page says of how it came about."""
    lookalike = Lookalike.objects.filter(segment=segment).select_related("seed").first()
    if lookalike is None:
        return None
    known = {
        name: _hundredths(lookalike.found[name]) for name in ("mean", "least") if name in lookalike.found
    }
    return {
        "n": lookalike.n, "seed": lookalike.seed, "is_refreshed": lookalike.is_refreshed, **known,
    }  # fmt: skip


def groups_context() -> dict[str, Any]:
    """All groups of the newest version; a fixed number of queries."""
    version = ready_version()
    if version is None:
        return {"version": None, "groups": []}
    names = proposed_names(version.pk)
    rows = Cluster.objects.filter(version=version).select_related("segment").order_by("place")
    return {"version": version, "groups": [_group(row, names[row.pk], version) for row in rows]}


def _group(row: Cluster, name: str, version: VectorVersion) -> dict[str, Any]:
    known = row.description
    currency = commerce_settings.REPORTING_CURRENCY
    stage = max(known["stages"], key=known["stages"].__getitem__)
    return {
        "cluster": row, "name": name, "sentences": sentences_of_group(known),
        "share": round(100 * row.n / max(version.n_customers, 1)),
        "figures": [
            (_("Average order"), format_money(known["average_order"], currency) or "–",
             format_money(known["average_order_of_all"], currency) or "–"),
            (_("Days between orders"), _number(known["gap_days"]), _number(known["gap_days_of_all"])),
            (Stage(stage).label, format_percent(known["stages"][stage]),
             format_percent(known["stages_of_all"][stage])),
        ],
    }  # fmt: skip


def _hundredths(alikeness: float) -> int:
    return round(100 * alikeness)


def _number(value: float | None) -> str:
    return "–" if value is None else number_format(value, 0)
