"""Trained models, what serves now, and the rule by which candidates are promoted."""

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _


class ModelVersion(models.Model):
    """A trained model: an immutable artifact and everything needed to judge and repeat it."""

    class State(models.TextChoices):
        CANDIDATE = "candidate", _("candidate")
        SHADOW = "shadow", _("shadow")
        LIVE = "live", _("live")
        RETIRED = "retired", _("retired")

    model_name = models.CharField(_("model"), max_length=100)
    number = models.PositiveIntegerField(_("version"))
    state = models.CharField(_("state"), max_length=16, choices=State, default=State.CANDIDATE)
    kind = models.CharField(
        _("predictor"),
        max_length=100,
        blank=True,
        default="",
        help_text=_("Which predictor loads the artifact."),
    )
    artifact_path = models.CharField(
        _("artifact"), max_length=500, help_text=_("Below the artifact storage.")
    )
    artifact_digest = models.CharField(_("SHA-256"), max_length=64)
    artifact_bytes = models.BigIntegerField(_("size in bytes"), default=0)
    is_artifact_deleted = models.BooleanField(_("artifact removed"), default=False)
    format_version = models.PositiveIntegerField(_("format"), default=1)
    metrics = models.JSONField(_("metrics"), default=dict)
    baseline_metrics = models.JSONField(_("baseline's metrics"), default=dict)
    live_metrics = models.JSONField(_("live version's metrics at that time"), default=dict, blank=True)
    compared_with = models.ForeignKey(
        "self", verbose_name=_("compared with"), null=True, blank=True,
        on_delete=models.SET_NULL, related_name="+",
        help_text=_("The version that served then, whose metrics on the same test are kept here."),
    )  # fmt: skip
    group_metrics = models.JSONField(_("metrics by group"), default=dict, blank=True)
    window_start = models.DateTimeField(_("data from"), null=True, blank=True)
    window_end = models.DateTimeField(_("data until"), null=True, blank=True)
    data_fingerprint = models.CharField(_("data fingerprint"), max_length=64, blank=True, default="")
    hyperparameters = models.JSONField(_("hyperparameters"), default=dict, blank=True)
    random_state = models.BigIntegerField(_("seed"), default=0)
    code_version = models.CharField(_("code version"), max_length=64, blank=True, default="")
    card = models.JSONField(_("model card"), default=dict, blank=True)
    created_at = models.DateTimeField(_("created"), default=timezone.now)
    promoted_at = models.DateTimeField(_("promoted"), null=True, blank=True)

    class Meta:
        verbose_name = _("model version")
        verbose_name_plural = _("model versions")
        permissions = [
            ("promote_modelversion", _("Can promote and roll back model versions")),
            ("go_live_modelversion", _("Can let a model in shadow go live")),
        ]
        constraints = [
            models.UniqueConstraint(fields=["model_name", "number"], name="ecomai_version_once"),
            models.UniqueConstraint(
                fields=["model_name"], condition=models.Q(state="live"), name="ecomai_version_one_live"
            ),
            models.UniqueConstraint(
                fields=["model_name"], condition=models.Q(state="shadow"), name="ecomai_version_one_shadow"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.model_name} v{self.number}"


class ModelDeployment(models.Model):
    """What serves a model now; one row a model, polled by every process that serves it."""

    class Mode(models.TextChoices):
        SHADOW = "shadow", _("shadow: answers are computed and kept, not shown")
        LIVE = "live", _("live")

    model_name = models.CharField(_("model"), max_length=100, primary_key=True)
    mode = models.CharField(_("mode"), max_length=16, choices=Mode, default=Mode.SHADOW)
    live_version = models.ForeignKey(
        ModelVersion,
        verbose_name=_("live version"),
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
    )
    shadow_version = models.ForeignKey(
        ModelVersion, verbose_name=_("shadow version"), null=True, blank=True,
        on_delete=models.PROTECT, related_name="+",
    )  # fmt: skip
    updated_at = models.DateTimeField(_("updated"), auto_now=True)

    class Meta:
        verbose_name = _("model")
        verbose_name_plural = _("models")

    def __str__(self) -> str:
        return self.model_name


class PromotionPolicy(models.Model):
    """Whether a model's candidates are promoted by hand or by rule; overrides the model's `Gate`."""

    model_name = models.CharField(_("model"), max_length=100, primary_key=True)
    is_automatic = models.BooleanField(_("promote automatically"), default=False)
    min_gain_over_live = models.FloatField(
        _("gain over live"),
        default=0.01,
        help_text=_("Relative: 0.01 means 1 % better than the live version."),
    )
    min_gain_over_baseline = models.FloatField(_("gain over baseline"), default=0.0)
    max_group_gap = models.FloatField(
        _("largest gap between groups"), null=True, blank=True, help_text=_("Empty sets no bound.")
    )
    updated_at = models.DateTimeField(_("updated"), auto_now=True)

    class Meta:
        verbose_name = _("promotion policy")
        verbose_name_plural = _("promotion policies")

    def __str__(self) -> str:
        return self.model_name
