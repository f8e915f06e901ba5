"""Jobs, training runs, model versions and who decided what: the truth about all background work."""

from django.conf import settings
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _


class Job(models.Model):
    """One piece of background work. The row is the truth; a broker message only wakes a worker.

    A worker holds the row by a lease that its heartbeat prolongs; when a lease dies, a beat task
    queues the row again until `max_attempts`. Tasks take the row's id and are safe to run twice.
    """

    class State(models.TextChoices):
        QUEUED = "queued", _("queued")
        RUNNING = "running", _("running")
        SUCCEEDED = "succeeded", _("succeeded")
        FAILED = "failed", _("failed")
        CANCELLED = "cancelled", _("cancelled")

    FINISHED_STATES = (State.SUCCEEDED, State.FAILED, State.CANCELLED)

    kind = models.CharField(_("kind"), max_length=100, help_text=_("Names the function that does the work."))
    label = models.CharField(_("what"), max_length=200, blank=True, default="")
    arguments = models.JSONField(_("arguments"), default=dict, blank=True)
    queue = models.CharField(_("queue"), max_length=32, default="default")
    state = models.CharField(_("state"), max_length=16, choices=State, default=State.QUEUED)
    parent = models.ForeignKey(
        "self",
        verbose_name=_("part of"),
        null=True,
        blank=True,
        on_delete=models.CASCADE,
        related_name="shards",
    )
    progress = models.FloatField(_("progress"), default=0.0, help_text=_("From 0 to 1."))
    progress_message = models.CharField(_("doing"), max_length=200, blank=True, default="")
    seconds_left = models.FloatField(_("estimated seconds left"), null=True, blank=True)
    attempts = models.PositiveIntegerField(_("attempts"), default=0)
    max_attempts = models.PositiveIntegerField(_("attempts allowed"), default=3)
    lease_token = models.UUIDField(null=True, blank=True, editable=False)
    lease_until = models.DateTimeField(_("lease until"), null=True, blank=True)
    heartbeat_at = models.DateTimeField(_("last sign of life"), null=True, blank=True)
    worker = models.CharField(_("worker"), max_length=200, blank=True, default="")
    is_cancel_requested = models.BooleanField(_("cancellation asked for"), default=False)
    result = models.JSONField(_("result"), default=dict, blank=True)
    error_code = models.CharField(_("error code"), max_length=64, blank=True, default="")
    error_message = models.TextField(_("what went wrong"), blank=True, default="")
    traceback = models.TextField(_("traceback"), blank=True, default="")
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, verbose_name=_("asked for by"), null=True, blank=True,
        on_delete=models.SET_NULL, related_name="+",
    )  # fmt: skip
    request_id = models.CharField(_("request id"), max_length=64, blank=True, default="")
    created_at = models.DateTimeField(_("created"), default=timezone.now)
    run_after = models.DateTimeField(_("not before"), default=timezone.now)
    wake_at = models.DateTimeField(
        default=timezone.now,
        editable=False,
        help_text=_("When a queued row is announced to the workers again."),
    )
    started_at = models.DateTimeField(_("started"), null=True, blank=True)
    finished_at = models.DateTimeField(_("finished"), null=True, blank=True)

    class Meta:
        verbose_name = _("job")
        verbose_name_plural = _("jobs")
        permissions = [
            ("cancel_job", _("Can cancel and retry jobs")),
            ("view_job_traceback", _("Can read the technical details of a failure")),
            ("request_scoring", _("Can request that a model scores everything anew")),
        ]
        indexes = [
            models.Index(fields=["state", "lease_until"], name="ecomai_job_lease"),
            models.Index(fields=["state", "wake_at"], name="ecomai_job_wake"),
            models.Index(fields=["kind", "-created_at"], name="ecomai_job_kind"),
            models.Index(fields=["-created_at"], name="ecomai_job_created"),
        ]

    def __str__(self) -> str:
        return self.label or self.kind

    @property
    def is_finished(self) -> bool:
        return self.state in self.FINISHED_STATES


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


class ScenarioSwitch(models.Model):
    """An off switch. The row with an empty name switches all scenarios."""

    scenario_name = models.CharField(_("scenario"), max_length=64, primary_key=True, blank=True)
    is_on = models.BooleanField(_("on"), default=True)
    updated_at = models.DateTimeField(_("updated"), auto_now=True)

    class Meta:
        verbose_name = _("switch")
        verbose_name_plural = _("switches")

    def __str__(self) -> str:
        return self.scenario_name or str(_("all scenarios"))


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
        ]

    def __str__(self) -> str:
        return f"{self.action} {self.subject}"


class LabellingTask(models.Model):
    """A case a classifier is unsure about, waiting for a person's label; least certain first."""

    class State(models.TextChoices):
        WAITING = "waiting", _("waiting")
        LABELLED = "labelled", _("labelled")
        SKIPPED = "skipped", _("skipped")

    model_name = models.CharField(_("model"), max_length=100)
    subject_key = models.CharField(_("case"), max_length=200)
    text = models.TextField(_("text"))
    context = models.JSONField(_("context"), default=dict, blank=True)
    choices = models.JSONField(_("possible labels"), default=list)
    predicted_label = models.CharField(_("predicted"), max_length=100, blank=True, default="")
    confidence = models.FloatField(_("confidence"), default=0.0, help_text=_("The model's own, from 0 to 1."))
    state = models.CharField(_("state"), max_length=16, choices=State, default=State.WAITING)
    label = models.CharField(_("label"), max_length=100, blank=True, default="")
    labelled_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, verbose_name=_("labelled by"), null=True, blank=True,
        on_delete=models.SET_NULL, related_name="+",
    )  # fmt: skip
    labelled_at = models.DateTimeField(_("labelled"), null=True, blank=True)
    created_at = models.DateTimeField(_("created"), default=timezone.now)

    class Meta:
        verbose_name = _("case to label")
        verbose_name_plural = _("labelling queue")
        permissions = [("label_labellingtask", _("Can label cases"))]
        constraints = [
            models.UniqueConstraint(fields=["model_name", "subject_key"], name="ecomai_labelling_once"),
        ]
        indexes = [models.Index(fields=["state", "confidence"], name="ecomai_labelling_queue")]

    def __str__(self) -> str:
        return self.text[:80]
