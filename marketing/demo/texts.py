"""Texts of the demo shop: a dozen, of which some are approved, some wait, and one was rejected."""

from django.utils.translation import get_language

from ecomai.commerce.models import Item

from ..models import ContentDraft
from ..services import content
from ..services.content import Kind, Source

N_ITEMS, N_APPROVED = 4, 5
KINDS = (Kind.DESCRIPTION, Kind.AD, Kind.SUBJECT)


def seed_texts() -> None:
    """Compose texts of the first items that have something to tell. Safe to run twice."""
    if ContentDraft.objects.exists():
        return
    language = "zh-hans" if (get_language() or "en").startswith("zh") else "en"
    items = Item.objects.filter(is_active=True).exclude(title="").exclude(description="").order_by("pk")
    for item in items[:N_ITEMS]:
        for kind in KINDS:
            content.compose_drafts(Source(item=item), kind=kind, language=language, n_variants=1)
    drafts = list(ContentDraft.objects.order_by("pk"))
    for draft in drafts[:N_APPROVED]:
        if not content.problems_of(draft):
            content.approve(draft)
    if drafts:
        content.reject(drafts[-1])
