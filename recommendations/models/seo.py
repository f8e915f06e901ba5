"""Titles and descriptions for search engines, which a person approves before anybody sees them."""

from django.conf import settings
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from ecomai.commerce.models import Item

TITLE_LENGTH, DESCRIPTION_LENGTH = 60, 155


class SeoDraft(models.Model):
    """What a page about an item may say of itself to search engines; only approved ones leave the admin."""

    class State(models.TextChoices):
        DRAFT = "draft", _("draft")
        APPROVED = "approved", _("approved")
        REJECTED = "rejected", _("rejected")

    item = models.ForeignKey(
        Item, verbose_name=_("item"), on_delete=models.CASCADE, related_name="seo_drafts"
    )
    language = models.CharField(_("language"), max_length=16)
    title = models.CharField(_("title"), max_length=TITLE_LENGTH)
    description = models.CharField(_("description"), max_length=DESCRIPTION_LENGTH)
    state = models.CharField(_("state"), max_length=16, choices=State, default=State.DRAFT)
    is_edited = models.BooleanField(_("changed by a person"), default=False)
    facts_digest = models.CharField(max_length=64, editable=False)
    composed_at = models.DateTimeField(_("composed"), default=timezone.now)
    decided_at = models.DateTimeField(_("decided"), null=True, blank=True, editable=False)
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, verbose_name=_("decided by"), null=True, blank=True, editable=False,
        on_delete=models.SET_NULL, related_name="+",
    )  # fmt: skip

    class Meta:
        verbose_name = _("text for search engines")
        verbose_name_plural = _("texts for search engines")
        default_permissions = ("view", "change", "delete")
        permissions = [("approve_seodraft", _("Can approve texts for search engines"))]
        constraints = [
            models.UniqueConstraint(fields=["item", "language", "state"], name="ecomai_rec_seo_once"),
        ]
        indexes = [models.Index(fields=["state", "-composed_at"], name="ecomai_rec_seo_state")]

    def __str__(self) -> str:
        return self.title
