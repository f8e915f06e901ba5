"""Texts: asked for, composed in a job, edited, approved or rejected, used in a campaign."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from ecomai.commerce.models import Item
from ecomai.exceptions import ConflictError, InvalidInputError, PermissionDeniedError
from ecomai.generation.claims import Finding, Rules, check_text
from ecomai.generation.composers import CompositionRequest
from ecomai.generation.facts import facts_of
from ecomai.generation.selectors import live_prompt, rules_for
from ecomai.generation.services import compose
from ecomai.generation.texts import LANGUAGES
from ecomai.registry.jobs import RunningJob, enqueue_job
from ecomai.registry.models import Job
from ecomai.registry.services.access import write_audit

from ..exceptions import TextBlockedError
from ..models import Campaign, CampaignVariant, ContentDraft, ContentUse, Segment
from ..prompts import NAME, kinds_for
from ..segments.portrait import portrait_of

JOB_KIND = "marketing.content"
State, Kind = ContentDraft.State, ContentDraft.Kind
#: How many columns a text of each kind may take where it is shown.
ROOM = {Kind.DESCRIPTION: 600, Kind.TITLE: 60, Kind.AD: 90, Kind.SUBJECT: 60, Kind.MAIL: 900}
MOST_VARIANTS, MOST_ITEMS = 5, 5000
ITEMS_AT_ONCE = 200
#: What nobody can approve; the rest a person may answer for.
BLOCKING = frozenset(("banned", "avoided", "exclamation", "address", "code"))


@dataclass(frozen=True)
class Source:
    """What a text is about: exactly one of both."""

    item: Item | None = None
    segment: Segment | None = None

    @property
    def about(self) -> str:
        return "item" if self.item else "segment"


def source_of(draft: ContentDraft) -> Source:
    return Source(item=draft.item, segment=None if draft.item_id else draft.segment)


# -- asking and composing -------------------------------------------------------------------------


def request_content(
    *, kinds: Sequence[str], languages: Sequence[str], n_variants: int = 3, item: Item | None = None,
    category: str = "", n_items: int = 100, segment: Segment | None = None, user: Any = None,
) -> Job:  # fmt: skip
    """Queue the composing of drafts: of one item, of items of a category, or for a segment."""
    _check(user, "add_contentdraft")
    about = "segment" if segment else "item"
    if sum((item is not None, bool(category), segment is not None)) != 1:
        raise InvalidInputError(reason=_("name one item, one category or one segment."))
    if not kinds or not set(kinds) <= set(kinds_for(about)):
        raise InvalidInputError(reason=_("texts of this kind are not written of it."))
    if not languages or not set(languages) <= set(LANGUAGES):
        raise InvalidInputError(reason=_("texts are not written in this language."))
    arguments = {
        "kinds": list(kinds), "languages": list(languages),
        "n_variants": max(1, min(n_variants, MOST_VARIANTS)), "item": item and item.pk,
        "category": category, "n_items": max(1, min(n_items, MOST_ITEMS)), "segment": segment and segment.pk,
    }  # fmt: skip
    return enqueue_job(
        kind=JOB_KIND, arguments=arguments, label=str(segment or category or item), created_by=user
    )


def run_content(job: RunningJob) -> dict[str, Any]:
    """Compose what was asked for; what is there is left alone, so that it goes on where it was killed."""
    asked = job.arguments
    if asked["segment"]:
        found = Segment.objects.filter(pk=asked["segment"])
        sources, n_all = iter([Source(segment=row) for row in found]), len(found)
    else:
        keys = list(_items(asked).values_list("pk", flat=True)[: asked["n_items"]])
        sources, n_all = _item_sources(keys), len(keys)
    n_composed = 0
    rules = {language: rules_for(language) for language in asked["languages"]}
    for n_done, source in enumerate(sources):
        job.report(n_done / max(n_all, 1), _("%(n)s texts are composed") % {"n": n_composed})
        for kind in asked["kinds"]:
            for language in asked["languages"]:
                n_composed += len(
                    compose_drafts(
                        source, kind=kind, language=language, n_variants=asked["n_variants"], in_worker=True,
                        rules=rules[language],
                    )
                )  # fmt: skip
    return {"sources": n_all, "composed": n_composed}


def _items(asked: dict[str, Any]) -> QuerySet[Item]:
    offered = Item.objects.filter(is_active=True).exclude(title="").order_by("pk")
    if asked["item"]:
        return offered.filter(pk=asked["item"])
    category = asked["category"]
    return offered.filter(Q(category_path=category) | Q(category_path__startswith=f"{category} > "))


def _item_sources(keys: Sequence[int]) -> Iterator[Source]:
    for at in range(0, len(keys), ITEMS_AT_ONCE):
        for item in Item.objects.filter(pk__in=keys[at : at + ITEMS_AT_ONCE]).order_by("pk"):
            yield Source(item=item)


def compose_drafts(
    source: Source, *, kind: str, language: str, n_variants: int, in_worker: bool = False,
    rules: Rules | None = None,
) -> list[ContentDraft]:  # fmt: skip
    """Compose the variants of one kind in one language, unless the same facts were composed before."""
    request, digest = request_for(source, kind=kind, language=language, n_texts=n_variants)
    same = ContentDraft.objects.filter(
        item=source.item, segment=source.segment, kind=kind, language=language, facts_digest=digest
    )
    if same.exists():
        return []
    found = compose(request, in_worker=in_worker, rules=rules)
    drafts = [
        ContentDraft(
            item=source.item, segment=source.segment, kind=kind, language=language, number=number,
            text=text.text, findings=[finding.as_json() for finding in text.findings], facts_digest=digest,
            composer=found.composer, fallback=found.fallback[:100], prompt_version_id=found.version_pk,
        )
        for number, text in enumerate((text for text in found.texts if text.text), start=1)
    ]  # fmt: skip
    ContentDraft.objects.bulk_create(drafts, ignore_conflicts=True)
    return drafts


def request_for(
    source: Source, *, kind: str, language: str, n_texts: int = 1
) -> tuple[CompositionRequest, str]:
    """Return what a text is composed from and held against, and the digest of it."""
    purpose = NAME % {"about": source.about, "kind": kind}
    shared: dict[str, Any] = {
        "purpose": purpose, "language": language, "most": ROOM[Kind(kind)], "n_texts": n_texts,
    }  # fmt: skip
    if source.item:
        facts = facts_of(source.item)
        return CompositionRequest(facts=facts, **shared), facts.digest
    assert source.segment is not None  # noqa: S101  (one of both is there)
    portrait = portrait_of(source.segment)
    return CompositionRequest(audience=portrait.words(language), **shared), portrait.digest


# -- a person's part ------------------------------------------------------------------------------


def is_current(draft: ContentDraft) -> bool:
    """Whether the item still is what the text was composed from; what a segment likes may move on."""
    return draft.item is None or draft.facts_digest == facts_of(draft.item).digest


def problems_of(draft: ContentDraft, *, text: str | None = None) -> tuple[Finding, ...]:
    """Hold a text against the facts and the brand voice as they are now."""
    source = source_of(draft)
    request, _digest = request_for(source, kind=draft.kind, language=draft.language)
    # What a person approved as a prompt may stand in the text, as when it was composed.
    prompt = live_prompt(request.purpose, draft.language)
    evidence = replace(request, templates=prompt.templates).evidence
    said = draft.text if text is None else text
    return check_text(said, evidence, rules_for(draft.language), most=request.most).findings


def edit_text(draft: ContentDraft, *, text: str, user: Any = None) -> None:
    """Write what a person wants it to say; what the facts do not support in it is noted, not removed."""
    _check(user, "change_contentdraft")
    text = text.replace("\r\n", "\n").strip()
    if not text:
        raise InvalidInputError(reason=_("a text cannot be empty; reject it instead."))
    with transaction.atomic():
        row = _lock(draft)
        if row.state != State.DRAFT:
            raise ConflictError(reason=_("what was decided stays as it was decided."))
        row.text, row.is_edited = text, True
        row.findings = [finding.as_json() for finding in problems_of(row)]
        row.save(update_fields=["text", "is_edited", "findings"])
    draft.refresh_from_db()


def approve(draft: ContentDraft, *, user: Any = None, may_answer_for: bool = True) -> None:
    """Let a text be given out. Raises TextBlockedError where it says what nobody may.

    With `may_answer_for` a person has read what the facts do not support in it, and answers for it.
    """
    _check(user, "approve_contentdraft")
    with transaction.atomic():
        row = _lock(draft)
        if row.state == State.APPROVED:
            return
        if not is_current(row):
            raise ConflictError(
                reason=_("the item has changed since the text was composed. Compose it again.")
            )
        for finding in problems_of(row):
            if finding.code in BLOCKING or not may_answer_for:
                raise TextBlockedError(what=finding.what or finding.sentence)
        _decide(row, State.APPROVED, user)
    draft.refresh_from_db()


def reject(draft: ContentDraft, *, user: Any = None) -> None:
    """Put a text aside, also one that was approved: it is given out no more."""
    _check(user, "approve_contentdraft")
    with transaction.atomic():
        row = _lock(draft)
        if row.state != State.REJECTED:
            _decide(row, State.REJECTED, user)
    draft.refresh_from_db()


def _decide(row: ContentDraft, state: str, user: Any) -> None:
    row.state, row.decided_at, row.decided_by = state, timezone.now(), user
    row.save(update_fields=["state", "decided_at", "decided_by"])
    write_audit(action="approve_text" if state == State.APPROVED else "reject_text", subject=row, user=user)


def use_in_campaign(draft: ContentDraft, *, campaign: Campaign, user: Any = None) -> CampaignVariant:
    """Make a variant of a campaign from an approved subject line or mail.

    The other half comes from the campaign's first text.
    """
    _check(user, "change_campaign")
    if draft.kind not in (Kind.SUBJECT, Kind.MAIL):
        raise InvalidInputError(reason=_("only subject lines and mails go into a campaign."))
    with transaction.atomic():
        row = _lock(draft)
        locked = Campaign.objects.select_for_update().get(pk=campaign.pk)
        if row.state != State.APPROVED or not is_current(row):
            raise ConflictError(reason=_("the text is not approved, or its item has changed since."))
        if locked.state != Campaign.State.DRAFT:
            raise ConflictError(reason=_("the campaign has begun, so its texts stay as they are."))
        if ContentUse.objects.filter(draft=row, variant__campaign=locked).exists():
            raise ConflictError(reason=_("the campaign has this text already."))
        first = locked.variants.order_by("pk").first()
        if first is None:
            raise ConflictError(reason=_("the campaign needs a first text, to which this one is another."))
        halves = {"subject": first.subject, "body": first.body}
        halves["subject" if row.kind == Kind.SUBJECT else "body"] = row.text
        variant = CampaignVariant.objects.create(
            campaign=locked, name=_("text %(number)s") % {"number": row.pk}, **halves
        )
        ContentUse.objects.create(draft=row, variant=variant)
        write_audit(action="use_text", subject=locked, user=user, details={"text": row.pk})
    return variant


def _lock(draft: ContentDraft) -> ContentDraft:
    rows = ContentDraft.objects.select_for_update(of=("self",)).select_related("item", "segment")
    return rows.get(pk=draft.pk)


def _check(user: Any, codename: str) -> None:
    """None is the system, which may."""
    if user is not None and not user.has_perm(f"ecomai_marketing.{codename}"):
        raise PermissionDeniedError
