"""Texts that were composed for items and segments, which a person approves before anybody sees them."""

from django.conf import settings
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from ecomai.commerce.models import Item

from .campaigns import CampaignVariant
from .segments import Segment

LONGEST_TEXT = 2000


class ContentDraft(models.Model):
    """One text, of an item or for a segment; several of a kind are variants. Only approved ones leave."""

    class Kind(models.TextChoices):
        DESCRIPTION = "description", _("description")
        TITLE = "title", _("title")
        AD = "ad", _("advertisement")
        SUBJECT = "subject", _("subject line")
        MAIL = "mail", _("mail")

    class State(models.TextChoices):
        DRAFT = "draft", _("draft")
        APPROVED = "approved", _("approved")
        REJECTED = "rejected", _("rejected")

    item = models.ForeignKey(
        Item, verbose_name=_("item"), null=True, blank=True, editable=False, on_delete=models.CASCADE,
        db_index=False, related_name="+",
    )  # fmt: skip
    segment = models.ForeignKey(
        Segment, verbose_name=_("segment"), null=True, blank=True, editable=False, on_delete=models.CASCADE,
        related_name="+",
    )  # fmt: skip
    kind = models.CharField(_("kind"), max_length=16, choices=Kind, editable=False)
    language = models.CharField(_("language"), max_length=16, editable=False)
    number = models.PositiveSmallIntegerField(_("variant"), editable=False)
    text = models.TextField(_("text"), max_length=LONGEST_TEXT)
    state = models.CharField(_("state"), max_length=16, choices=State, default=State.DRAFT, editable=False)
    is_edited = models.BooleanField(_("changed by a person"), default=False, editable=False)
    findings = models.JSONField(_("withheld"), default=list, editable=False)
    facts_digest = models.CharField(max_length=64, editable=False)
    composer = models.CharField(_("written by"), max_length=100, editable=False)
    fallback = models.CharField(max_length=100, blank=True, default="", editable=False)
    prompt_version_id = models.BigIntegerField(null=True, blank=True, editable=False)
    composed_at = models.DateTimeField(_("composed"), default=timezone.now, editable=False)
    decided_at = models.DateTimeField(_("decided"), null=True, blank=True, editable=False)
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, verbose_name=_("decided by"), null=True, blank=True, editable=False,
        on_delete=models.SET_NULL, related_name="+",
    )  # fmt: skip

    class Meta:
        verbose_name = _("text")
        verbose_name_plural = _("texts")
        default_permissions = ("add", "change", "view")
        permissions = [("approve_contentdraft", _("Can approve and reject texts"))]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(item__isnull=False) | models.Q(segment__isnull=False),
                name="ecomai_content_of_something",
            ),
            # Where several workers compose the same, one row remains.
            models.UniqueConstraint(
                fields=["item", "kind", "language", "facts_digest", "number"],
                condition=models.Q(item__isnull=False), name="ecomai_content_item_once",
            ),
            models.UniqueConstraint(
                fields=["segment", "kind", "language", "facts_digest", "number"],
                condition=models.Q(item__isnull=True), name="ecomai_content_segment_once",
            ),
        ]  # fmt: skip
        indexes = [
            models.Index(fields=["state", "-composed_at"], name="ecomai_content_state"),
            models.Index(fields=["item", "state"], name="ecomai_content_item"),
        ]

    def __str__(self) -> str:
        return self.text[:80]


class ContentUse(models.Model):
    """Which text a variant of a campaign was made from, so that what it brought is told at the text."""

    draft = models.ForeignKey(
        ContentDraft, verbose_name=_("text"), on_delete=models.CASCADE, related_name="uses"
    )
    variant = models.OneToOneField(
        CampaignVariant, verbose_name=_("variant"), on_delete=models.CASCADE, related_name="content_use"
    )

    class Meta:
        verbose_name = _("use of a text")
        verbose_name_plural = _("uses of texts")
        default_permissions = ()

    def __str__(self) -> str:
        return f"{self.draft_id} {self.variant_id}"
