"""Trainings: what was asked for, how it goes, what was tried, and when the next one comes."""

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from .jobs import Job
from .versions import ModelVersion


class TrainingRun(models.Model):
    """One training of one model, from the request to the version it made (or why it made none)."""

    model_name = models.CharField(_("model"), max_length=100)
    job = models.OneToOneField(
        Job, verbose_name=_("job"), on_delete=models.CASCADE, related_name="training_run"
    )
    version = models.OneToOneField(
        ModelVersion,
        verbose_name=_("version"),
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="run",
    )
    hyperparameters = models.JSONField(_("hyperparameters"), default=dict, blank=True)
    search_minutes = models.PositiveIntegerField(
        _("minutes of search"),
        null=True,
        blank=True,
        help_text=_("How long better hyperparameters are searched for first; empty: not at all."),
    )
    random_state = models.BigIntegerField(_("seed"), default=0)
    cutoff = models.DateTimeField(_("data until"), default=timezone.now)
    data_fingerprint = models.CharField(_("data fingerprint"), max_length=64, blank=True, default="")
    is_scheduled = models.BooleanField(_("by schedule"), default=False)
    created_at = models.DateTimeField(_("created"), default=timezone.now)

    class Meta:
        verbose_name = _("training run")
        verbose_name_plural = _("training runs")
        permissions = [
            ("request_training", _("Can request, retry and cancel trainings")),
            ("schedule_training", _("Can schedule trainings")),
        ]
        indexes = [models.Index(fields=["model_name", "-created_at"], name="ecomai_run_model")]

    def __str__(self) -> str:
        return f"{self.model_name} #{self.pk}"


class ActiveTraining(models.Model):
    """Holds the place of the one training a model may have at a time."""

    model_name = models.CharField(max_length=100, primary_key=True)
    run = models.OneToOneField(TrainingRun, on_delete=models.CASCADE, related_name="+")

    def __str__(self) -> str:
        return self.model_name


class RunMetric(models.Model):
    """A point of a run's live curve, such as the loss at a step."""

    run = models.ForeignKey(TrainingRun, on_delete=models.CASCADE, related_name="curve")
    name = models.CharField(_("metric"), max_length=64)
    step = models.PositiveIntegerField(_("step"))
    value = models.FloatField(_("value"))
    recorded_at = models.DateTimeField(default=timezone.now)

    class Meta:
        verbose_name = _("run metric")
        verbose_name_plural = _("run metrics")
        constraints = [models.UniqueConstraint(fields=["run", "name", "step"], name="ecomai_run_metric_once")]

    def __str__(self) -> str:
        return f"{self.name} at {self.step}: {self.value:g}"


class RunTrial(models.Model):
    """One set of hyperparameters that a run's search tried, judged on validation data."""

    class State(models.TextChoices):
        RUNNING = "running", _("running")
        FINISHED = "finished", _("finished")
        PRUNED = "pruned", _("given up")
        STOPPED = "stopped", _("out of time")
        FAILED = "failed", _("failed")

    run = models.ForeignKey(TrainingRun, on_delete=models.CASCADE, related_name="trials")
    number = models.PositiveIntegerField(_("trial"))
    parameters = models.JSONField(_("hyperparameters"), default=dict)
    state = models.CharField(_("state"), max_length=16, choices=State, default=State.RUNNING)
    value = models.FloatField(_("judged on validation data"), null=True, blank=True)
    seconds = models.FloatField(_("seconds"), default=0.0)

    class Meta:
        verbose_name = _("trial")
        verbose_name_plural = _("trials")
        constraints = [models.UniqueConstraint(fields=["run", "number"], name="ecomai_run_trial_once")]

    def __str__(self) -> str:
        return f"{self.run} trial {self.number}"


class TrainingSchedule(models.Model):
    """When a model retrains by itself; the clock is django-celery-beat's."""

    model_name = models.CharField(_("model"), max_length=100, primary_key=True)
    periodic_task = models.OneToOneField(
        "django_celery_beat.PeriodicTask",
        verbose_name=_("schedule"),
        on_delete=models.CASCADE,
        related_name="+",
    )
    search_minutes = models.PositiveIntegerField(_("minutes of search"), null=True, blank=True)
    hyperparameters = models.JSONField(_("hyperparameters"), default=dict, blank=True)

    class Meta:
        verbose_name = _("training schedule")
        verbose_name_plural = _("training schedules")

    def __str__(self) -> str:
        return self.model_name
