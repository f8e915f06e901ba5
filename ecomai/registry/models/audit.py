"""Who did what to what, and the chain that seals it."""

from django.conf import settings
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

#: Who did what nobody asked for, by name.
SYSTEM = "system"


class AuditBlock(models.Model):
    """Entries of the audit log that were sealed together: a chain, as each block seals the one before it."""

    number = models.PositiveBigIntegerField(_("number"), unique=True)
    previous = models.CharField(_("digest of the block before"), max_length=64, blank=True)
    entries = models.JSONField(_("ids and digests of the entries"))
    digest = models.CharField(_("digest"), max_length=64)
    is_removed = models.BooleanField(_("its entries were removed for their age"), default=False)
    sealed_at = models.DateTimeField(_("sealed"), default=timezone.now)

    class Meta:
        verbose_name = _("block of the audit log")
        verbose_name_plural = _("blocks of the audit log")

    def __str__(self) -> str:
        return str(self.number)


class AuditEntry(models.Model):
    """Who did what to what. Rows are only added, sealed, and removed when they are very old."""

    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL, verbose_name=_("who"), null=True, blank=True,
        on_delete=models.SET_NULL, related_name="+",
    )  # fmt: skip
    actor_label = models.CharField(
        _("by"),
        max_length=200,
        blank=True,
        default="",
        help_text=_("A user, an API key, the schedule or the policy."),
    )
    action = models.CharField(_("what"), max_length=64)
    subject = models.CharField(_("on"), max_length=200)
    details = models.JSONField(_("details"), default=dict, blank=True)
    request_id = models.CharField(_("request id"), max_length=64, blank=True, default="")
    created_at = models.DateTimeField(_("when"), default=timezone.now)
    block = models.ForeignKey(
        AuditBlock, verbose_name=_("block"), null=True, blank=True, editable=False,
        on_delete=models.SET_NULL, related_name="audit_entries", db_index=False,
    )  # fmt: skip

    class Meta:
        verbose_name = _("audit entry")
        verbose_name_plural = _("audit log")
        indexes = [
            models.Index(fields=["block", "created_at"], name="ecomai_audit_block"),
            models.Index(fields=["-created_at"], name="ecomai_audit_created"),
            models.Index(fields=["subject", "-created_at"], name="ecomai_audit_subject"),
            # Of a million entries, most tell of a checkout that asked: what people did is found beside them.
            models.Index(
                fields=["-created_at"], name="ecomai_audit_people", condition=~models.Q(actor_label=SYSTEM)
            ),
        ]

    def __str__(self) -> str:
        return f"{self.action} {self.subject}"
