"""Experiments, their arms, who saw what, and what has been counted since."""

import secrets
from typing import Any

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from ecomai.commerce.models import Storefronted

from .exceptions import ExperimentStartedError

SHARE = [MinValueValidator(0.0), MaxValueValidator(1.0)]


def place_of(subject: str) -> str:
    """Return what events name as their placement: of "recommendations:home" it is "home"."""
    return subject.partition(":")[2]


def new_salt() -> str:
    return secrets.token_hex(8)


class Experiment(models.Model):
    """A question about a scenario, put to visitors by showing some of them something else.

    `allocation` is frozen at the start: which arm has which part of the visitors. Who belongs where follows
    from it and the salt alone, so nobody moves while the experiment runs.
    """

    class State(models.TextChoices):
        DRAFT = "draft", _("draft")
        RUNNING = "running", _("running")
        STOPPED = "stopped", _("stopped")
        ROLLED_OUT = "rolled_out", _("rolled out")

    class Unit(models.TextChoices):
        CUSTOMER = "customer", _("customers who are logged in")
        SESSION = "session", _("browser sessions")

    name = models.CharField(_("name"), max_length=100)
    slug = models.SlugField(_("short name"), max_length=64, unique=True)
    subject = models.CharField(
        _("where"), max_length=100,
        help_text=_("The place in the shop that is tried out, such as recommendations:home."),
    )  # fmt: skip
    state = models.CharField(_("state"), max_length=16, choices=State, default=State.DRAFT)
    hypothesis = models.TextField(
        _("what we expect"), blank=True, default="", help_text=_("In a sentence: what changes, and why.")
    )
    unit = models.CharField(
        _("who is counted"), max_length=16, choices=Unit, default=Unit.SESSION,
        help_text=_("Customers stay in their arm on every device; sessions include those who never log in."),
    )  # fmt: skip
    salt = models.CharField(max_length=32, default=new_salt, editable=False)
    traffic_share = models.FloatField(
        _("share that takes part"), default=1.0, validators=SHARE,
        help_text=_("From 0 to 1. All others see what the shop shows without the experiment."),
    )  # fmt: skip
    holdout_share = models.FloatField(
        _("share held back"), default=0.0, validators=SHARE,
        help_text=_("From 0 to 1. They keep seeing the control, even after an arm has been rolled out."),
    )  # fmt: skip
    primary_metric = models.CharField(
        _("decided by"), max_length=64, default="conversion", help_text=_("The one metric that decides.")
    )
    minimum_effect = models.FloatField(
        _("smallest gain that matters"), default=0.05, validators=[MinValueValidator(0.001)],
        help_text=_("Relative: 0.05 means 5 % more than the control."),
    )  # fmt: skip
    outcome_days = models.PositiveIntegerField(
        _("days counted per visitor"), default=7, validators=[MinValueValidator(1), MaxValueValidator(90)],
        help_text=_("What a visitor does within so many days counts, once they are over."),
    )  # fmt: skip
    allocation = models.JSONField(default=list, editable=False)
    planned_units = models.PositiveIntegerField(
        _("planned visitors per arm"), null=True, blank=True, editable=False
    )
    winner = models.ForeignKey(
        "Arm", verbose_name=_("rolled out"), null=True, blank=True, editable=False,
        on_delete=models.SET_NULL, related_name="+",
    )  # fmt: skip
    problem = models.TextField(_("what went wrong"), blank=True, default="", editable=False)
    created_at = models.DateTimeField(_("created"), default=timezone.now, editable=False)
    started_at = models.DateTimeField(_("started"), null=True, blank=True, editable=False)
    started_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, verbose_name=_("started by"), null=True, blank=True, editable=False,
        on_delete=models.SET_NULL, related_name="+",
    )  # fmt: skip
    stopped_at = models.DateTimeField(_("stopped"), null=True, blank=True, editable=False)
    stopped_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, verbose_name=_("stopped by"), null=True, blank=True, editable=False,
        on_delete=models.SET_NULL, related_name="+",
    )  # fmt: skip
    decided_at = models.DateTimeField(_("decided"), null=True, blank=True, editable=False)
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, verbose_name=_("decided by whom"), null=True, blank=True, editable=False,
        on_delete=models.SET_NULL, related_name="+",
    )  # fmt: skip

    class Meta:
        verbose_name = _("experiment")
        verbose_name_plural = _("experiments")
        permissions = [
            ("run_experiment", _("Can start and stop experiments, and take arms out")),
            ("roll_out_experiment", _("Can roll out an arm for all visitors")),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["subject"], condition=models.Q(state="running"), name="ecomai_experiment_one_running"
            ),
            models.CheckConstraint(
                condition=models.Q(traffic_share__gte=0, traffic_share__lte=1)
                & models.Q(holdout_share__gte=0, holdout_share__lte=1),
                name="ecomai_experiment_shares",
            ),
        ]
        indexes = [models.Index(fields=["state", "subject"], name="ecomai_experiment_state")]

    def __str__(self) -> str:
        return self.name

    @property
    def place(self) -> str:
        return place_of(self.subject)

    @property
    def is_draft(self) -> bool:
        return self.state == self.State.DRAFT

    @property
    def is_running(self) -> bool:
        return self.state == self.State.RUNNING

    @property
    def ended_at(self) -> Any:
        return self.stopped_at or self.decided_at


class Arm(models.Model):
    """One of the things that are shown; the control is what the shop shows without the experiment."""

    experiment = models.ForeignKey(
        Experiment, verbose_name=_("experiment"), on_delete=models.CASCADE, related_name="arms"
    )
    name = models.CharField(_("arm"), max_length=64)
    weight = models.PositiveIntegerField(
        _("weight"), default=1, validators=[MinValueValidator(1)],
        help_text=_("Two arms of weight 1 get half of the visitors each."),
    )  # fmt: skip
    configuration = models.JSONField(
        _("what it does"), default=dict, blank=True, help_text=_("Read by the place that is tried out.")
    )
    is_control = models.BooleanField(_("control"), default=False)
    removed_at = models.DateTimeField(_("taken out"), null=True, blank=True, editable=False)

    class Meta:
        verbose_name = _("arm")
        verbose_name_plural = _("arms")
        default_permissions = ()
        ordering = ["-is_control", "pk"]
        constraints = [
            models.UniqueConstraint(fields=["experiment", "name"], name="ecomai_arm_once"),
            models.UniqueConstraint(
                fields=["experiment"], condition=models.Q(is_control=True), name="ecomai_arm_one_control"
            ),
            models.CheckConstraint(condition=models.Q(weight__gte=1), name="ecomai_arm_weight"),
        ]

    def __str__(self) -> str:
        return self.name

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Refuse what would change a started experiment; taking an arm out is `services.remove_arm`."""
        if set(kwargs.get("update_fields") or ()) != {"removed_at"}:
            self._check_draft()
        super().save(*args, **kwargs)

    def delete(self, *args: Any, **kwargs: Any) -> Any:
        self._check_draft()
        return super().delete(*args, **kwargs)

    def _check_draft(self) -> None:
        if not self.experiment.is_draft:
            raise ExperimentStartedError(experiment=self.experiment)


class GuardRail(models.Model):
    """A metric that must not get worse by more than the shop allows."""

    experiment = models.ForeignKey(
        Experiment, verbose_name=_("experiment"), on_delete=models.CASCADE, related_name="guard_rails"
    )
    metric = models.CharField(_("metric"), max_length=64)
    allowed_loss = models.FloatField(
        _("allowed loss"), default=0.02, validators=SHARE,
        help_text=_("Relative: 0.02 means that it may get 2 % worse than the control."),
    )  # fmt: skip

    class Meta:
        verbose_name = _("guard rail")
        verbose_name_plural = _("guard rails")
        default_permissions = ()
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(fields=["experiment", "metric"], name="ecomai_guard_rail_once")
        ]

    def __str__(self) -> str:
        return self.metric


class Exposure(Storefronted):
    """That a visitor saw an arm, and when first. `arm` is empty for those held back."""

    experiment = models.ForeignKey(
        Experiment, verbose_name=_("experiment"), on_delete=models.CASCADE, db_index=False,
        related_name="exposures",
    )  # fmt: skip
    arm = models.ForeignKey(
        Arm, verbose_name=_("arm"), null=True, blank=True, on_delete=models.RESTRICT, related_name="exposures"
    )
    unit_id = models.CharField(
        _("visitor"), max_length=128, help_text=_("The shop's id of the customer, or the session.")
    )
    first_exposed_at = models.DateTimeField(_("first seen"), default=timezone.now)

    class Meta:
        verbose_name = _("exposure")
        verbose_name_plural = _("exposures")
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(
                fields=["experiment", "storefront", "unit_id"], name="ecomai_exposure_once"
            )
        ]
        indexes = [
            models.Index(fields=["experiment", "first_exposed_at", "id"], name="ecomai_exposure_time"),
            models.Index(fields=["storefront", "unit_id"], name="ecomai_exposure_unit"),
        ]

    def __str__(self) -> str:
        return self.unit_id


class Snapshot(models.Model):
    """Results at a moment. `moments` are sums over visitors, so that later ones only add what is new."""

    experiment = models.ForeignKey(
        Experiment, verbose_name=_("experiment"), on_delete=models.CASCADE, db_index=False,
        related_name="snapshots",
    )  # fmt: skip
    hour = models.DateTimeField(_("hour"), help_text=_("One row an hour is kept; the last one of it counts."))
    counted_until = models.DateTimeField(_("counted until"))
    moments = models.JSONField(default=dict)
    results = models.JSONField(_("results"), default=dict)
    n_alarms = models.PositiveIntegerField(_("alarms"), default=0)

    class Meta:
        verbose_name = _("results at a moment")
        verbose_name_plural = _("results over time")
        default_permissions = ()
        get_latest_by = "hour"
        constraints = [
            models.UniqueConstraint(fields=["experiment", "hour"], name="ecomai_snapshot_once"),
        ]

    def __str__(self) -> str:
        return f"{self.experiment} {self.hour:%Y-%m-%d %H:%M}"
