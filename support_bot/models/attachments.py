"""What customers send besides words: pictures, and recordings until they are written down."""

import uuid

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from ecomai.commerce.models import Customer, Storefronted

from .conversations import Conversation, Message


class Attachment(Storefronted):
    """A picture or a recording. It lies in the row: private, and gone with it.

    It is the visitor's own from the upload on, and of a conversation once a message names it. `text` is what
    stands in a picture or was said in a recording, `found` items that look like the picture.
    """

    class Kind(models.TextChoices):
        PICTURE = "picture", _("picture")
        VOICE = "voice", _("recording")

    class State(models.TextChoices):
        WAITING = "waiting", _("waiting")
        READ = "read", _("read")
        FAILED = "failed", _("failed")

    public_id = models.UUIDField(_("id"), default=uuid.uuid4, unique=True, editable=False)
    kind = models.CharField(_("kind"), max_length=8, choices=Kind, editable=False)
    customer = models.ForeignKey(
        Customer, verbose_name=_("customer"), null=True, blank=True, editable=False, on_delete=models.CASCADE,
        related_name="+",
    )  # fmt: skip
    visitor_digest = models.CharField(max_length=64, editable=False, db_index=True)
    session_id = models.CharField(max_length=128, blank=True, default="", editable=False)
    conversation = models.ForeignKey(
        Conversation, verbose_name=_("conversation"), null=True, blank=True, editable=False,
        on_delete=models.CASCADE, db_index=False, related_name="attachments",
    )  # fmt: skip
    message = models.ForeignKey(
        Message, verbose_name=_("message"), null=True, blank=True, editable=False, on_delete=models.CASCADE,
        related_name="attachments",
    )  # fmt: skip
    language = models.CharField(_("language"), max_length=16, blank=True, default="", editable=False)
    content = models.BinaryField(_("content"), default=bytes, blank=True, editable=False)
    media_type = models.CharField(max_length=32, editable=False)
    width = models.PositiveIntegerField(default=0, editable=False)
    height = models.PositiveIntegerField(default=0, editable=False)
    alt = models.CharField(_("what it shows"), max_length=200, blank=True, default="", editable=False)
    state = models.CharField(_("state"), max_length=8, choices=State, default=State.WAITING, editable=False)
    code = models.CharField(_("why it failed"), max_length=32, blank=True, default="", editable=False)
    text = models.TextField(_("text"), blank=True, default="", editable=False)
    found = models.JSONField(_("looks like"), default=list, blank=True, editable=False)
    job_id = models.BigIntegerField(null=True, blank=True, editable=False)
    created_at = models.DateTimeField(_("sent"), default=timezone.now, editable=False)

    class Meta:
        verbose_name = _("attachment")
        verbose_name_plural = _("attachments")
        default_permissions = ()
        indexes = [
            models.Index(fields=["conversation", "created_at"], name="ecomai_attachment_chat"),
            models.Index(
                fields=["created_at"], name="ecomai_attachment_unsent", condition=models.Q(message=None)
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.public_id}"
