"""One picture of each customer and item: facts, identity, consent, and the proof of erasures."""

from typing import Any

from django.conf import settings
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from ecomai.commerce.models import Customer, Storefronted
from ecomai.registry.models import ModelVersion, TrainingRun


class Fact(Storefronted):
    """One value of a published fact from a moment on. Rows are added, so the past can be read again."""

    name = models.CharField(_("fact"), max_length=100)
    entity = models.CharField(_("about"), max_length=16, help_text=_("customer or item"))
    entity_id = models.CharField(_("id"), max_length=128, help_text=_("The shop's own id."))
    value = models.JSONField(_("value"))
    model_version = models.BigIntegerField(_("model version"), null=True, blank=True)
    published_at = models.DateTimeField(_("published"), default=timezone.now)
    expires_at = models.DateTimeField(_("expires"))

    class Meta:
        verbose_name = _("fact")
        verbose_name_plural = _("facts")
        indexes = [
            models.Index(
                fields=["entity", "storefront", "entity_id", "name", "-published_at"],
                name="ecomai_fact_entity",
            ),
            models.Index(fields=["expires_at"], name="ecomai_fact_expiry"),
        ]

    def __str__(self) -> str:
        return f"{self.name} {self.entity_id}"


class EntityVector(Storefronted):
    """A vector of an item or a customer, with its encoder and a digest of what it was made from."""

    entity = models.CharField(_("about"), max_length=16, help_text=_("customer or item"))
    entity_id = models.CharField(_("id"), max_length=128, help_text=_("The shop's own id."))
    encoder = models.CharField(
        _("encoder"), max_length=100, help_text=_("Name and version of what made the vector.")
    )
    text_digest = models.CharField(max_length=64, blank=True, default="")
    values = models.BinaryField(_("vector"), help_text=_("Little-endian float32."))
    updated_at = models.DateTimeField(_("updated"), default=timezone.now)

    class Meta:
        verbose_name = _("vector")
        verbose_name_plural = _("vectors")
        constraints = [
            models.UniqueConstraint(
                fields=["encoder", "entity", "storefront", "entity_id"], name="ecomai_vector_once"
            ),
        ]
        indexes = [models.Index(fields=["encoder", "updated_at"], name="ecomai_vector_updated")]

    def __str__(self) -> str:
        return f"{self.encoder} {self.entity_id}"


class ConsentRecord(Storefronted):
    """One answer of a customer or session about one purpose and channel; the last one counts.

    Rows are only ever added. `customer` alone is set later, when a session is identified.
    """

    customer = models.ForeignKey(
        Customer,
        verbose_name=_("customer"),
        null=True,
        blank=True,
        on_delete=models.CASCADE,
        related_name="consents",
    )
    session_id = models.CharField(_("session"), max_length=128, blank=True, default="")
    purpose = models.CharField(_("purpose"), max_length=64)
    channel = models.CharField(
        _("channel"), max_length=32, blank=True, default="", help_text=_("Empty: all channels.")
    )
    is_granted = models.BooleanField(_("granted"))
    source = models.CharField(_("source"), max_length=100, help_text=_("Where the answer was given."))
    proof = models.JSONField(
        _("proof"), default=dict, blank=True, help_text=_("Wording shown, its version, language.")
    )
    recorded_at = models.DateTimeField(_("recorded"), default=timezone.now)

    class Meta:
        verbose_name = _("consent")
        verbose_name_plural = _("consents")
        indexes = [
            models.Index(fields=["customer", "purpose", "-recorded_at"], name="ecomai_consent_customer"),
            models.Index(fields=["session_id", "purpose", "-recorded_at"], name="ecomai_consent_session"),
        ]

    def __str__(self) -> str:
        return f"{self.purpose} {self.is_granted}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        if not self._state.adding:
            raise TypeError("The consent ledger is only ever added to; record a new answer instead.")
        super().save(*args, **kwargs)


class SessionLink(Storefronted):
    """An anonymous session that turned out to be a customer's."""

    session_id = models.CharField(_("session"), max_length=128)
    customer = models.ForeignKey(
        Customer, verbose_name=_("customer"), on_delete=models.CASCADE, related_name="session_links"
    )
    linked_at = models.DateTimeField(_("linked"), default=timezone.now)

    class Meta:
        verbose_name = _("linked session")
        verbose_name_plural = _("linked sessions")
        constraints = [
            models.UniqueConstraint(fields=["storefront", "session_id"], name="ecomai_session_link_once"),
        ]

    def __str__(self) -> str:
        return self.session_id


class ErasureRequest(Storefronted):
    """The receipt of an erasure: what was removed where, under a hash of the id, and nothing else."""

    class State(models.TextChoices):
        RUNNING = "running", _("running")
        DONE = "done", _("done")
        FAILED = "failed", _("failed")

    subject_digest = models.CharField(_("customer, as a hash"), max_length=64, db_index=True)
    state = models.CharField(_("state"), max_length=16, choices=State, default=State.RUNNING)
    report = models.JSONField(_("what was removed"), default=dict, blank=True)
    requested_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, verbose_name=_("asked for by"), null=True, blank=True,
        on_delete=models.SET_NULL, related_name="+",
    )  # fmt: skip
    requested_at = models.DateTimeField(_("asked for"), default=timezone.now)
    finished_at = models.DateTimeField(_("finished"), null=True, blank=True)
    error_message = models.TextField(_("what went wrong"), blank=True, default="")

    class Meta:
        verbose_name = _("erasure")
        verbose_name_plural = _("erasures")
        permissions = [
            ("erase_customer", _("Can erase a customer")),
            ("export_customer", _("Can export what is known of a customer")),
        ]

    def __str__(self) -> str:
        return self.subject_digest[:12]


class RetrainMark(models.Model):
    """A version, or a training still under way, that learned from customers who have been erased since."""

    version = models.OneToOneField(
        ModelVersion, verbose_name=_("version"), null=True, blank=True,
        on_delete=models.CASCADE, related_name="retrain_mark",
    )  # fmt: skip
    run = models.OneToOneField(
        TrainingRun, verbose_name=_("training run"), null=True, blank=True,
        on_delete=models.CASCADE, related_name="retrain_mark",
    )  # fmt: skip
    n_customers = models.PositiveIntegerField(_("erased customers"), default=0)
    first_marked_at = models.DateTimeField(_("first"), default=timezone.now)
    last_marked_at = models.DateTimeField(_("last"), default=timezone.now)

    class Meta:
        verbose_name = _("version to retrain")
        verbose_name_plural = _("versions to retrain")
        constraints = [
            models.CheckConstraint(
                condition=models.Q(version__isnull=True) ^ models.Q(run__isnull=True),
                name="ecomai_retrain_mark_one",
            ),
        ]

    def __str__(self) -> str:
        return str(self.version or self.run)


class CustomerPicture(Customer):
    """All that is known of one customer, as a page of the admin; no table of its own."""

    class Meta:
        proxy = True
        verbose_name = _("customer picture")
        verbose_name_plural = _("customer pictures")
        default_permissions = ("view",)
