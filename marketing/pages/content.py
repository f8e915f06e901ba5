"""The page of a text: beside it its facts, what was withheld and why, its siblings, and what it brought."""

from typing import Any

from django.utils.formats import number_format
from django.utils.text import capfirst
from django.utils.translation import gettext as _

from ecomai.experiments.statistics import Effect
from ecomai.generation.claims import Finding, describe
from ecomai.generation.facts import facts_of
from ecomai.generation.services import fallback_text
from ecomai.generation.texts import width
from ecomai.numbers import format_percent

from ..models import Campaign, ContentDraft
from ..segments.portrait import portrait_of
from ..services import content as service
from ..services.content_effects import VariantEffect, effects_of

MOST_CAMPAIGNS = 50
COMPOSERS = {
    "grounded": lambda: _("facts and templates"), "local": lambda: _("a language model of the shop's own"),
    "remote": lambda: _("a language model elsewhere"),
}  # fmt: skip


def context(draft: ContentDraft, *, may_use: bool) -> dict[str, Any]:
    problems = service.problems_of(draft)
    is_edited = draft.is_edited
    return {
        "draft": draft,
        "about": draft.item or draft.segment,
        "facts": _facts(draft),
        "is_current": service.is_current(draft),
        "problems": [_said(finding) for finding in problems],
        "withheld": [] if is_edited else [_withheld(row) for row in draft.findings if row.get("sentence")],
        "columns": width(draft.text),
        "room": service.ROOM[ContentDraft.Kind(draft.kind)],
        "written_by": COMPOSERS[draft.composer]() if draft.composer in COMPOSERS else draft.composer,
        "fallback": fallback_text(draft.fallback),
        "siblings": _siblings(draft),
        "effects": [
            {"campaign": use.campaign, "variants": [_variant(row) for row in use.variants]}
            for use in effects_of(draft)
        ],
        "campaigns": _campaigns(draft) if may_use else [],
    }


def reasons(draft: ContentDraft) -> list[str]:
    """What should be known before a text is approved."""
    problems = [_said(finding) for finding in service.problems_of(draft)]
    return problems or [_("Everything that it says is in the facts.")]


def _said(finding: Finding) -> str:
    return describe(finding.as_json())


def _withheld(row: dict[str, str]) -> dict[str, str]:
    return {"sentence": row["sentence"], "reason": describe(row)}


def _facts(draft: ContentDraft) -> list[tuple[str, str]]:
    if draft.item:
        facts = facts_of(draft.item)
        known = [(_("Title"), facts.title), (_("Brand"), facts.brand), (_("Category"), facts.category)]
        known += [(capfirst(name), value) for name, value in facts.attributes]
        known += [(_("Description"), " ".join(facts.sentences))]
    else:
        assert draft.segment is not None  # noqa: S101  (one of both is there)
        portrait = portrait_of(draft.segment)
        words = portrait.words(draft.language)
        known = [
            (_("Customers who may be addressed"), number_format(portrait.n_members, force_grouping=True)),
            (_("Greeting by stage"), words["hello"]), (_("Most like"), words["category"]),
            (_("And then"), words["category 2"]), (_("Favourite brand"), words["brand"]),
            (_("Price level"), words["price"]),
        ]  # fmt: skip
    return [(name, value) for name, value in known if value]


def _siblings(draft: ContentDraft) -> list[ContentDraft]:
    same = ContentDraft.objects.filter(
        item=draft.item, segment=draft.segment, kind=draft.kind, language=draft.language
    )
    return list(same.exclude(pk=draft.pk).order_by("-composed_at", "number")[:10])


def _campaigns(draft: ContentDraft) -> list[Campaign]:
    """Return campaigns that have not begun; those of the text's own segment come first."""
    rows = Campaign.objects.filter(state=Campaign.State.DRAFT, variants__isnull=False).distinct()
    found = list(rows.order_by("-pk")[:MOST_CAMPAIGNS])
    return sorted(found, key=lambda campaign: campaign.segment_id != draft.segment_id)


def _variant(row: VariantEffect) -> dict[str, Any]:
    share = format_percent(row.share, 1, unknown="")
    return {"row": row, "share": share, "effect": "" if row.is_own else _effect(row.effect)}


def _effect(effect: Effect | None) -> str:
    if effect is None:
        return _("Nothing can be said yet.")
    lift, low, high = (f"{100 * part:+.1f} %" for part in (effect.lift, effect.low, effect.high))
    return _("%(lift)s, between %(low)s and %(high)s") % {"lift": lift, "low": low, "high": high}
