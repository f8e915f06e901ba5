"""Cards, devices, e-mails, addresses and people that are let through, stopped or watched."""

from django.conf import settings
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from ecomai.commerce.models import Storefronted


class ListEntry(Storefronted):
    """A value on a list. The value itself is kept nowhere: `key` is the keyed hash of its entity.

    A value is on one list at a time; put on another it changes over.
    """

    class List(models.TextChoices):
        ALLOW = "allow", _("allow")
        BLOCK = "block", _("block")
        WATCH = "watch", _("watch")

    class Kind(models.TextChoices):
        CUSTOMER = "customer", _("customer")
        CARD = "card", _("card")
        DEVICE = "device", _("device")
        ADDRESS = "address", _("address")
        EMAIL = "email", _("e-mail")
        EMAIL_DOMAIN = "email_domain", _("domain of e-mails")
        IP = "ip", _("IP address or network")

    list = models.CharField(_("list"), max_length=8, choices=List)
    kind = models.CharField(_("kind"), max_length=16, choices=Kind)
    key = models.UUIDField(_("hash"), unique=True, editable=False)
    shown = models.CharField(_("shown as"), max_length=100, editable=False)
    note = models.CharField(_("note"), max_length=200, blank=True, default="")
    expires_at = models.DateTimeField(
        _("ends"), null=True, blank=True, help_text=_("Empty: it stays until somebody takes it off.")
    )
    created_at = models.DateTimeField(_("added"), default=timezone.now, editable=False)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, verbose_name=_("by"), null=True, blank=True, editable=False,
        on_delete=models.SET_NULL, related_name="+",
    )  # fmt: skip

    class Meta:
        verbose_name = _("entry of a list")
        verbose_name_plural = _("lists: allow, block, watch")
        default_permissions = ("add", "change", "delete", "view")
        indexes = [models.Index(fields=["-created_at", "-id"], name="ecomai_risk_listed")]

    def __str__(self) -> str:
        return f"{self.get_list_display()}: {self.shown}"
