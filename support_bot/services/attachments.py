"""Pictures and recordings: taken, read in a worker, named by a message, forgotten."""

import io
from collections.abc import Sequence
from datetime import timedelta
from time import sleep
from typing import Any

from django.db import transaction
from django.utils import timezone

from ecomai import capabilities
from ecomai.exceptions import EcomaiError
from ecomai.inference.pictures import UnreadablePictureError, open_picture
from ecomai.registry.jobs import RunningJob, enqueue_job, is_environment_fault
from ecomai.registry.models import Job

from ..app_settings import app_settings
from ..exceptions import (
    AttachmentTooLargeError,
    NoPictureReaderError,
    NotAPictureError,
    TooManyAttachmentsError,
)
from ..hearing import RATE, read_recording, write_down
from ..models import Attachment, Message
from ..visitors import ChatVisitor

READING_KIND = "support_bot.reading"
MOST_ATTACHMENTS = 3  # of one message
#: Not sent and not read yet, of one visitor, so that nobody fills the shop's database.
MOST_UNSENT = 10
#: Pictures are kept no larger: the text of a receipt can still be read.
KEPT_SIDE, QUALITY = 1600, 85
N_LIKE, LEAST_LIKENESS = 3, 0.75
MOST_TEXT = 1_000
UNSENT_HOURS = 24
State, Kind = Attachment.State, Attachment.Kind


def take_picture(visitor: ChatVisitor, *, content: bytes, alt: str = "") -> Attachment:
    """Keep a picture as a JPEG of our own making, without what its camera wrote into it, and have it read.

    Raises AttachmentTooLargeError, NotAPictureError, NoPictureReaderError and TooManyAttachmentsError.
    """
    if len(content) > app_settings.PICTURE_MAX_BYTES:
        raise AttachmentTooLargeError(limit=app_settings.PICTURE_MAX_BYTES)
    try:
        picture = open_picture(content, side=KEPT_SIDE)
    except UnreadablePictureError:
        raise NotAPictureError() from None
    except ImportError:
        raise NoPictureReaderError() from None
    written = io.BytesIO()
    picture.save(written, format="JPEG", quality=QUALITY, optimize=True)
    return keep(
        visitor, kind=Kind.PICTURE, content=written.getvalue(), media_type="image/jpeg",
        width=picture.width, height=picture.height, alt=" ".join(alt.split())[:200],
    )  # fmt: skip


def take_recording(visitor: ChatVisitor, *, content: bytes, alt: str = "") -> Attachment:
    """Keep a recording until it is written down; the customer sees the words before anything is sent.

    Raises NotARecordingError, RecordingTooLongError, SilentRecordingError and TooManyAttachmentsError.
    """
    read_recording(content)
    return keep(visitor, kind=Kind.VOICE, content=content, media_type="audio/wav")


def keep(visitor: ChatVisitor, **fields: Any) -> Attachment:
    """Write the row, and queue its reading. Raises TooManyAttachmentsError."""
    unsent = Attachment.objects.filter(visitor.owns, message=None, created_at__gt=_a_day_ago())
    if unsent.count() >= MOST_UNSENT:
        raise TooManyAttachmentsError()
    with transaction.atomic():
        attachment = Attachment.objects.create(
            storefront=visitor.storefront, customer=visitor.customer, visitor_digest=visitor.digest,
            session_id=visitor.session_id, language=visitor.language, **fields,
        )  # fmt: skip
        job = enqueue_job(kind=READING_KIND, arguments={"attachment": attachment.pk}, label=attachment.kind)
        attachment.job_id = job.pk
        attachment.save(update_fields=["job_id"])
    return attachment


def attach(message: Message, attachments: Sequence[Attachment]) -> None:
    """Make them the message's, inside the transaction that writes it; one that has a message keeps it."""
    Attachment.objects.filter(pk__in=[row.pk for row in attachments], message=None).update(
        message=message, conversation=message.conversation
    )


def shown(attachment: Attachment) -> dict[str, Any]:
    """How a message's frame names one."""
    return {
        "id": str(attachment.public_id), "kind": attachment.kind, "width": attachment.width,
        "height": attachment.height, **({"alt": attachment.alt} if attachment.alt else {}),
    }  # fmt: skip


#: By kind of upload.
TAKERS = {Kind.PICTURE.value: take_picture, Kind.VOICE.value: take_recording}

# -- reading --------------------------------------------------------------------------------------------


def run_reading(job: RunningJob) -> dict[str, Any]:
    """Read one attachment. Safe to run twice; one that was forgotten meanwhile is none."""
    row = Attachment.objects.filter(pk=job.arguments["attachment"], state=State.WAITING).first()
    if row is None:
        return {}
    try:
        values = _read_picture(row) if row.kind == Kind.PICTURE else _hear(row)
    except EcomaiError as error:
        if is_environment_fault(error):
            raise  # tried again
        values = {"state": State.FAILED, "code": error.code[:32]}
    Attachment.objects.filter(pk=row.pk, state=State.WAITING).update(**{"state": State.READ, **values})
    return {"state": str(values.get("state", State.READ))}


def _hear(row: Attachment) -> dict[str, Any]:
    """Write a recording down; the voice itself is not kept any longer."""
    text = write_down(bytes(row.content), language=row.language, storefront=row.storefront)
    found = {"text": text[:MOST_TEXT], "content": b""}
    return found if text else {**found, "state": State.FAILED, "code": "silent_recording"}


def _read_picture(row: Attachment) -> dict[str, Any]:
    content = bytes(row.content)
    text = _text_of(content)
    # What is written all over is a receipt or a label, not a product.
    found = [] if len(text) > MOST_TEXT // 2 else _items_like(content, row.storefront)
    return {"text": text, "found": found}


def _text_of(content: bytes) -> str:
    """Return what stands in a picture; nothing where no reader is installed."""
    from ecomai.inference.picture_text import read_lines

    try:
        lines = read_lines(open_picture(content, side=KEPT_SIDE))
    except ImportError:
        return ""
    return "\n".join(line.text for line in lines)[:MOST_TEXT]


def _items_like(content: bytes, storefront: str) -> list[dict[str, Any]]:
    searcher = capabilities.get(capabilities.PictureSearcher)  # type: ignore[type-abstract]
    answer = searcher.search_picture(content=content, n=N_LIKE, storefront=storefront)
    return [
        {"item_id": hit.item_id, "score": round(hit.score, 4)}
        for hit in answer.items
        if hit.score >= LEAST_LIKENESS
    ]


def settle(attachment: Attachment) -> Attachment:
    """Say that it failed where its job has ended without reading it, such as by killed workers."""
    if attachment.state == State.WAITING and attachment.job_id:
        job = Job.objects.filter(pk=attachment.job_id, state__in=Job.FINISHED_STATES).first()
        if job is not None:
            waiting = Attachment.objects.filter(pk=attachment.pk, state=State.WAITING)
            waiting.update(state=State.FAILED, code=job.error_code[:32] or "not_read")
            attachment.refresh_from_db()
    return attachment


def wait_for_reading(message: Message) -> None:
    """Let a worker read what came with a message, for a while."""
    for _second in range(2 * app_settings.READING_SECONDS):
        if "attachments" not in message.content or not is_being_read(message):
            return
        sleep(0.5)


def most_bytes() -> int:
    """How much of a request is read at most."""
    return max(app_settings.PICTURE_MAX_BYTES, app_settings.VOICE_SECONDS * RATE * 2 + 1024)


def is_being_read(message: Message) -> bool:
    """Whether a reply should wait a little longer for what its pictures say."""
    return message.attachments.filter(state=State.WAITING).exists()


# -- forgetting -----------------------------------------------------------------------------------------


def remove_unsent() -> int:
    """Remove what was uploaded a day ago and never sent; return how many."""
    return Attachment.objects.filter(message=None, created_at__lt=_a_day_ago()).delete()[0]


def _a_day_ago() -> Any:
    return timezone.now() - timedelta(hours=UNSENT_HOURS)
