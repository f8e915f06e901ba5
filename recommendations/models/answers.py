"""What was recommended: to everybody in batch, to whom in answers."""

import uuid

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from ecomai.commerce.models import Customer, Storefronted
from ecomai.registry.models import ModelVersion


class Source(models.TextChoices):
    """Which part answered. What is neither the model, nor a pipeline, nor asked for is a fallback."""

    MODEL = "model", _("model")
    PIPELINE = "pipeline", _("pipeline")
    BATCH = "batch", _("batch scored earlier")
    SIMILAR = "similar", _("similar items")
    POPULAR = "popular", _("popular items")


#: Who answers as the shop wants it.
CHOSEN = (Source.MODEL.value, Source.PIPELINE.value)


class BatchRecommendation(models.Model):
    """The best items of one customer, best first, as one version of a model saw it."""

    customer = models.OneToOneField(
        Customer, verbose_name=_("customer"), on_delete=models.CASCADE, related_name="batch_recommendation"
    )
    item_keys = models.JSONField(_("items"), help_text=_("Primary keys of items, best first."))
    scores = models.JSONField(_("scores"))
    model_version = models.ForeignKey(
        ModelVersion, verbose_name=_("model version"), on_delete=models.CASCADE, related_name="+"
    )
    scored_at = models.DateTimeField(_("scored"), default=timezone.now)

    class Meta:
        verbose_name = _("batch recommendation")
        verbose_name_plural = _("batch recommendations")
        indexes = [models.Index(fields=["-scored_at"], name="ecomai_rec_batch_time")]

    def __str__(self) -> str:
        return str(self.customer)


class Answer(Storefronted):
    """One answer that was given: what was shown, by which version, and what a shadow would have shown.

    Impressions and clicks carry the answer's `key`, so that promise and outcome can be compared.
    """

    key = models.UUIDField(_("key"), unique=True, default=uuid.uuid4, editable=False)
    customer = models.ForeignKey(
        Customer, verbose_name=_("customer"), null=True, blank=True, on_delete=models.CASCADE,
        related_name="recommendation_answers",
    )  # fmt: skip
    session_id = models.CharField(_("session"), max_length=128, blank=True, default="")
    placement = models.CharField(_("placement"), max_length=64, blank=True, default="")
    seed_keys = models.JSONField(_("asked about"), default=list, help_text=_("Primary keys of seed items."))
    item_keys = models.JSONField(
        _("shown items"), default=list, help_text=_("Primary keys of items, best first.")
    )
    source = models.CharField(_("answered by"), max_length=16, choices=Source)
    asked_for = models.CharField(
        _("asked for"), max_length=16, choices=Source, blank=True, default="",
        help_text=_("Who was to answer by an experiment; empty is the model, or the pipeline that is live."),
    )  # fmt: skip
    model_name = models.CharField(_("model"), max_length=100, blank=True, default="")
    model_version = models.ForeignKey(
        ModelVersion, verbose_name=_("model version"), null=True, blank=True,
        on_delete=models.SET_NULL, related_name="+",
    )  # fmt: skip
    pipeline = models.ForeignKey(
        "ecomai_recommendations.Pipeline", verbose_name=_("pipeline"), null=True, blank=True,
        on_delete=models.SET_NULL, related_name="+",
    )  # fmt: skip
    shadow_version = models.ForeignKey(
        ModelVersion, verbose_name=_("shadow version"), null=True, blank=True,
        on_delete=models.SET_NULL, related_name="+",
    )  # fmt: skip
    shadow_item_keys = models.JSONField(_("items of the shadow"), default=list, blank=True)
    milliseconds = models.FloatField(_("milliseconds"), default=0.0)
    request_id = models.CharField(_("request id"), max_length=64, blank=True, default="")
    created_at = models.DateTimeField(_("answered"), default=timezone.now)

    class Meta:
        verbose_name = _("answer")
        verbose_name_plural = _("answers")
        indexes = [
            models.Index(fields=["-created_at"], name="ecomai_rec_answer_time"),
            models.Index(fields=["session_id"], name="ecomai_rec_answer_session"),
        ]

    def __str__(self) -> str:
        return f"{self.placement or '-'} {self.created_at:%Y-%m-%d %H:%M}"
