"""Pictures of items: asked for, drawn or cut out in a job, approved or rejected by a person."""

from typing import Any

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from ecomai.commerce.models import Item
from ecomai.exceptions import ConflictError, EcomaiError, InvalidInputError, PermissionDeniedError
from ecomai.generation import pictures as drawing
from ecomai.generation.facts import facts_of
from ecomai.inference.pictures import UnreadablePictureError, check_picture, picture_type
from ecomai.registry.jobs import RunningJob, enqueue_job
from ecomai.registry.services.access import write_audit

from ..models import PictureDraft

JOB_KIND = "marketing.picture"
State, Work = PictureDraft.State, PictureDraft.Work
MOST_PICTURES = 4
#: Of an original that is uploaded.
MOST_BYTES = 10_000_000


def request_pictures(
    *,
    item: Item,
    work: str = Work.DRAWN,
    n: int = 1,
    words: str = "",
    original: bytes = b"",
    strength: float = 0.6,
    user: Any = None,
) -> list[PictureDraft]:
    """Queue pictures of an item: drawn from words or from an original, or an original without background.

    Of a background that is taken away there is one picture, whatever `n`, `words` and `strength` are.

    Raises InvalidInputError where no model is named, and for an original that is too large or no picture.
    """
    _check(user, "add_picturedraft")
    if work != Work.DRAWN:
        return [_request_cutout(item, work, original, user)]
    if not drawing.is_configured():
        raise InvalidInputError(reason=_("no model that draws is named in GENERATION.IMAGE_MODEL."))
    if not 0 < strength <= 1:
        raise InvalidInputError(reason=_("the freedom must be above 0, and 1 at most."))
    kind = _type_of(original) if original else ""
    words = " ".join(words.split())[: drawing.LONGEST_WORDS] or drawing.words_for(facts_of(item))
    with transaction.atomic():
        drafts = [
            PictureDraft.objects.create(
                item=item, words=words, seed=seed, strength=strength, original=original, original_type=kind
            )
            for seed in range(max(1, min(n, MOST_PICTURES)))
        ]
        for draft in drafts:
            _queue(draft, user)
    return drafts


def _request_cutout(item: Item, work: str, original: bytes, user: Any) -> PictureDraft:
    if not drawing.can_cut_out():
        raise InvalidInputError(
            reason=_("no model that takes backgrounds away is named in GENERATION.CUTOUT_MODEL.")
        )
    if not original:
        raise InvalidInputError(reason=_("without an original there is no background to take away."))
    kind = _type_of(original)
    with transaction.atomic():
        draft = PictureDraft.objects.create(
            item=item, work=work, original=original, original_type=kind, is_generated=False
        )
        _queue(draft, user)
    return draft


def _queue(draft: PictureDraft, user: Any) -> None:
    enqueue_job(
        kind=JOB_KIND, arguments={"picture": draft.pk}, label=draft.item.title, queue="gpu", created_by=user
    )


def _type_of(original: bytes) -> str:
    if len(original) > MOST_BYTES:
        raise InvalidInputError(
            reason=_("a picture may have %(n)s megabytes at most.") % {"n": MOST_BYTES // 1_000_000}
        )
    try:
        check_picture(original)
    except UnreadablePictureError:
        raise InvalidInputError(reason=_("this file is no picture that can be read.")) from None
    return picture_type(original)


def run_picture(job: RunningJob) -> dict[str, Any]:
    """Make one picture. Safe to run twice: what is made stays. Row and job say why it failed."""
    draft = PictureDraft.objects.select_related("item").get(pk=job.arguments["picture"])
    if draft.state not in (State.WAITING, State.FAILED):
        return {"picture": draft.pk}
    try:
        drawn = _make(draft, job)
        found = {
            "state": State.DRAFT, "content": drawn.content, "width": drawn.width, "height": drawn.height,
            "model": drawn.model[:200], "error": "",
        }  # fmt: skip
        _waiting(draft).update(**found)
    except Exception as error:
        reason = str(error) if isinstance(error, EcomaiError) else _("The picture could not be made.")
        _waiting(draft).update(state=State.FAILED, error=reason[:300])
        raise
    return {"picture": draft.pk}


def _make(draft: PictureDraft, job: RunningJob) -> drawing.DrawnPicture:
    original = bytes(draft.original)
    if draft.work != Work.DRAWN:
        return drawing.cut_out(original, is_on_white=draft.work == Work.ON_WHITE)
    return drawing.draw_picture(
        draft.words, original=original, strength=draft.strength, seed=draft.seed,
        on_step=lambda share: job.report(share, _("Drawing")),
    )  # fmt: skip


def _waiting(draft: PictureDraft) -> Any:
    return PictureDraft.objects.filter(pk=draft.pk, state__in=(State.WAITING, State.FAILED))


def approve(draft: PictureDraft, *, user: Any = None) -> None:
    """Let a picture be given out: it stays marked as generated or edited."""
    _decide(draft, State.APPROVED, user)


def reject(draft: PictureDraft, *, user: Any = None) -> None:
    """Put a picture aside, also one that was approved."""
    _decide(draft, State.REJECTED, user)


def _decide(draft: PictureDraft, state: str, user: Any) -> None:
    _check(user, "approve_picturedraft")
    with transaction.atomic():
        row = PictureDraft.objects.select_for_update().get(pk=draft.pk)
        if row.state in (State.WAITING, State.FAILED):
            raise ConflictError(reason=_("the picture is not made yet."))
        if row.state != state:
            row.state, row.decided_at, row.decided_by = state, timezone.now(), user
            row.save(update_fields=["state", "decided_at", "decided_by"])
            action = "approve_picture" if state == State.APPROVED else "reject_picture"
            write_audit(action=action, subject=row, user=user)
    draft.refresh_from_db()


def _check(user: Any, codename: str) -> None:
    """None is the system, which may."""
    if user is not None and not user.has_perm(f"ecomai_marketing.{codename}"):
        raise PermissionDeniedError
