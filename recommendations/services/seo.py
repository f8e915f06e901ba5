"""Drafts for search engines: composed, edited, approved or rejected; only approved ones are given out."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.db.models import Q, Sum
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from ecomai.commerce.models import Item
from ecomai.exceptions import ConflictError, PermissionDeniedError
from ecomai.registry.services import write_audit

from .. import seo
from ..app_settings import app_settings
from ..models import ItemExposure, SeoDraft
from .exposure import tail_keys

State = SeoDraft.State
MOST_AT_ONCE = 500
EXPOSURE_DAYS = 30
APPROVE = "ecomai_recommendations.approve_seodraft"


@dataclass(frozen=True)
class SeoMeta:
    """What a page may say of itself. In a template it is a title and a description."""

    title: str
    description: str
    language: str

    def __html__(self) -> SafeString:
        return format_html(
            '<title>{}</title>\n<meta name="description" content="{}">', self.title, self.description
        )


def languages() -> list[str]:
    return [one for one in app_settings.SEO_LANGUAGES if one in seo.LANGUAGES]


def tail_items(n: int) -> list[Item]:
    """Return items that need it most: hardly ever shown, and of these the ones shown least."""
    since = timezone.localdate() - timedelta(days=EXPOSURE_DAYS)
    shown = ItemExposure.objects.filter(day__gte=since).order_by().values("item")
    counts = dict(shown.annotate(n=Sum("n_shown")).values_list("item", "n"))
    tail = tail_keys()
    items = Item.objects.filter(is_active=True).exclude(title="")
    offered = items.values_list("pk", flat=True)
    keys = sorted(
        (key for key in offered if not tail or key in tail), key=lambda key: (counts.get(key, 0), key)
    )[:n]
    rows = Item.objects.in_bulk(keys)
    return [rows[key] for key in keys if key in rows]


def compose_drafts(*, n_items: int = 100, user: Any = None) -> dict[str, int]:
    """Compose drafts for tail items that have none yet. What a person changed or refused is left alone."""
    if user is not None and not user.has_perm("ecomai_recommendations.change_seodraft"):
        raise PermissionDeniedError
    found = {"composed": 0, "renewed": 0}
    for item in _without_texts(min(n_items, MOST_AT_ONCE)):
        for language in languages():
            outcome = compose_draft(item, language)
            if outcome:
                found[outcome] += 1
    return found


def _without_texts(n: int) -> Sequence[Item]:
    """Return the least shown tail items that lack a text, or whose text is of other facts."""
    pool = tail_items(10 * n + MOST_AT_ONCE)
    known: dict[int, set[tuple[str, str]]] = {}
    rows = SeoDraft.objects.filter(item__in=[item.pk for item in pool])
    for key, language, digest in rows.values_list("item_id", "language", "facts_digest"):
        known.setdefault(key, set()).add((language, digest))
    lacking = [
        item
        for item in pool
        if {(language, seo.facts_of(item).digest) for language in languages()} - known.get(item.pk, set())
    ]
    return lacking[:n]


def compose_draft(item: Item, language: str) -> str:
    """Compose one draft; returns "composed", "renewed" or "" where there is nothing to do."""
    facts = seo.facts_of(item)
    rows = SeoDraft.objects.filter(item=item, language=language)
    if not facts.title or rows.filter(facts_digest=facts.digest).exists():
        return ""
    title, description = seo.compose(facts, language)
    values = {
        "title": title, "description": description, "facts_digest": facts.digest,
        "composed_at": timezone.now(),
    }  # fmt: skip
    draft = rows.filter(state=State.DRAFT).first()
    if draft is None:
        SeoDraft.objects.create(item=item, language=language, **values)
        return "composed"
    if draft.is_edited:
        return ""
    rows.filter(pk=draft.pk).update(**values)
    return "renewed"


def approve(*, draft: SeoDraft, user: Any) -> None:
    """Let a text be given out, in place of the one before. Raises ConflictError where its facts changed."""
    _decide(draft, State.APPROVED, user)


def reject(*, draft: SeoDraft, user: Any) -> None:
    """Put a text aside; the same facts are not composed again."""
    _decide(draft, State.REJECTED, user)


def _decide(draft: SeoDraft, state: str, user: Any) -> None:
    if not user.has_perm(APPROVE):
        raise PermissionDeniedError
    with transaction.atomic():
        row = SeoDraft.objects.select_for_update(of=("self",)).select_related("item").get(pk=draft.pk)
        if row.state == state:
            return
        if state == State.APPROVED and not is_current(row):
            raise ConflictError(
                reason=_("the item has changed since the text was composed. Check it and save it first.")
            )
        same = SeoDraft.objects.filter(item=row.item, language=row.language, state=state)
        same.exclude(pk=row.pk).delete()
        row.state, row.decided_at, row.decided_by = state, timezone.now(), user
        row.save(update_fields=["state", "decided_at", "decided_by"])
        write_audit(
            action=f"{'approve' if state == State.APPROVED else 'reject'}_seo", subject=row, user=user
        )


def note_edit(draft: SeoDraft) -> None:
    """A person changed a draft, and has seen the item as it is now."""
    draft.is_edited = True
    draft.facts_digest = seo.facts_of(draft.item).digest


def is_current(draft: SeoDraft) -> bool:
    """Whether the item still is what the text was composed from."""
    return draft.facts_digest == seo.facts_of(draft.item).digest


def seo_meta(item: Item, *, language: str = "") -> SeoMeta | None:
    """Return an item's approved text, in a language or in the page's own; None where there is none.

    A text whose item has changed since is not given out: it may say what is no longer so.
    """
    return seo_metas([item], language=language).get(item.pk)


def seo_metas(items: Iterable[Item], *, language: str = "") -> dict[int, SeoMeta]:
    """As `seo_meta`, for many items in one query."""
    wanted = (language or get_language() or "en").lower()
    choices = Q(language=wanted) | Q(language=wanted.partition("-")[0])
    if wanted in ("zh", "zh-cn", "zh-sg"):
        choices |= Q(language="zh-hans")
    rows = SeoDraft.objects.filter(choices, state=State.APPROVED, item__in=[item.pk for item in items])
    found = {}
    for row in rows.select_related("item"):
        if is_current(row):
            found[row.item_id] = SeoMeta(row.title, row.description, row.language)
    return found
