"""What the console keeps for itself: signs of life of the queues, and reports on the shop's data."""

import uuid
from urllib.parse import urlsplit

from django.conf import settings
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from ecomai.registry.models import Job


class Console(models.Model):
    """No table: it gives the console a place and a permission in any AdminSite."""

    class Meta:
        managed = False
        default_permissions = ()
        permissions = [("view_console", _("Can see the console"))]
        verbose_name = _("console")
        verbose_name_plural = _("Console")

    def __str__(self) -> str:
        return "console"


class QueueHeartbeat(models.Model):
    """When a worker last took a message from a queue."""

    queue = models.CharField(_("queue"), max_length=32, primary_key=True)
    worker = models.CharField(_("worker"), max_length=200, blank=True, default="")
    seen_at = models.DateTimeField(_("last sign of life"))

    class Meta:
        verbose_name = _("sign of life")
        verbose_name_plural = _("signs of life")

    def __str__(self) -> str:
        return self.queue


class QualityReport(models.Model):
    """What a job found out about the shop's data at a moment; pages read this and never scan events."""

    job = models.OneToOneField(
        Job, verbose_name=_("job"), null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    window_start = models.DateTimeField(_("from"), null=True, blank=True)
    window_end = models.DateTimeField(_("until"), null=True, blank=True)
    findings = models.JSONField(_("findings"), default=dict)
    n_problems = models.PositiveIntegerField(_("things to look at"), default=0)
    computed_at = models.DateTimeField(_("computed"), default=timezone.now)

    class Meta:
        verbose_name = _("data quality report")
        verbose_name_plural = _("data quality")
        default_permissions = ("view",)
        permissions = [("compute_qualityreport", _("Can have the data quality computed again"))]
        get_latest_by = "computed_at"
        indexes = [models.Index(fields=["-computed_at"], name="ecomai_quality_computed")]

    def __str__(self) -> str:
        return f"{self.computed_at:%Y-%m-%d %H:%M}"


class ReadyGroup(models.Model):
    """What a ready-made group of staff was ever given, so that an admin's changes to it stand."""

    role = models.CharField(max_length=32, primary_key=True)
    group = models.OneToOneField(
        "auth.Group", null=True, on_delete=models.SET_NULL, related_name="+", editable=False
    )
    given = models.JSONField(default=list)

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return self.role


class AlertRule(models.Model):
    """When an admin wants to hear of a measure, and where."""

    class Comparison(models.TextChoices):
        ABOVE = "above", _("is above")
        BELOW = "below", _("is below")

    class Severity(models.TextChoices):
        ATTENTION = "attention", _("attention")
        PROBLEM = "problem", _("problem")

    name = models.CharField(_("name"), max_length=100)
    measure = models.CharField(_("measure"), max_length=100)
    dimension = models.CharField(
        _("only for"), max_length=200, blank=True, default="",
        help_text=_("Such as a placement or a queue, as the messages name it. Empty: each of them."),
    )  # fmt: skip
    comparison = models.CharField(_("when it"), max_length=8, choices=Comparison, default=Comparison.ABOVE)
    bound = models.FloatField(_("bound"), help_text=_("In the measure's unit; 5 % is 0.05."))
    for_minutes = models.PositiveIntegerField(
        _("for so long"), default=0, help_text=_("Minutes that it must last before anybody is told.")
    )
    cool_down_minutes = models.PositiveIntegerField(
        _("then quiet for"), default=60, help_text=_("Minutes between two messages about the same thing.")
    )
    severity = models.CharField(_("severity"), max_length=16, choices=Severity, default=Severity.PROBLEM)
    recipients = models.TextField(_("mail to"), blank=True, default="", help_text=_("Addresses, one a line."))
    webhook_url = models.CharField(
        _("webhook"), max_length=500, blank=True, default="",
        help_text=_("An address that takes JSON by POST. Each message is signed with the secret."),
    )  # fmt: skip
    webhook_secret = models.CharField(_("webhook's secret"), max_length=200, blank=True, default="")
    is_on = models.BooleanField(_("on"), default=True)
    last_error = models.CharField(
        _("could not be read"), max_length=500, blank=True, default="", editable=False
    )
    evaluated_at = models.DateTimeField(_("looked at"), null=True, blank=True, editable=False)
    created_at = models.DateTimeField(_("created"), default=timezone.now, editable=False)

    class Meta:
        verbose_name = _("alert rule")
        verbose_name_plural = _("alert rules")
        permissions = [("test_alertrule", _("Can send a test of an alert rule"))]

    def __str__(self) -> str:
        return self.name

    @property
    def addresses(self) -> list[str]:
        return [line.strip() for line in self.recipients.splitlines() if line.strip()]


class AlertEpisode(models.Model):
    """One time that a rule's bound was passed: from when on, since when told, and until when."""

    rule = models.ForeignKey(
        AlertRule, verbose_name=_("rule"), on_delete=models.CASCADE, related_name="episodes"
    )
    dimension = models.CharField(_("of"), max_length=200, blank=True, default="")
    label = models.CharField(_("what"), max_length=200, blank=True, default="")
    value = models.FloatField(_("value"))
    began_at = models.DateTimeField(_("began"), default=timezone.now)
    opened_at = models.DateTimeField(_("opened"), null=True, blank=True)
    told_at = models.DateTimeField(_("told"), null=True, blank=True)
    resolved_at = models.DateTimeField(_("resolved"), null=True, blank=True)
    acknowledged_at = models.DateTimeField(_("acknowledged"), null=True, blank=True)
    acknowledged_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, verbose_name=_("acknowledged by"), null=True, blank=True,
        on_delete=models.SET_NULL, related_name="+",
    )  # fmt: skip

    class Meta:
        verbose_name = _("alert")
        verbose_name_plural = _("alerts")
        default_permissions = ("view",)
        permissions = [("acknowledge_alertepisode", _("Can acknowledge alerts"))]
        constraints = [
            models.UniqueConstraint(
                fields=["rule", "dimension"], condition=models.Q(resolved_at=None),
                name="ecomai_alert_open_once",
            ),
        ]  # fmt: skip
        indexes = [models.Index(fields=["-began_at"], name="ecomai_alert_began")]

    def __str__(self) -> str:
        return f"{self.rule}: {self.label}" if self.label else str(self.rule)


class AlertDelivery(models.Model):
    """One message to one address: sent, or why not yet."""

    class Channel(models.TextChoices):
        MAIL = "mail", _("mail")
        WEBHOOK = "webhook", _("webhook")

    class Event(models.TextChoices):
        OPENED = "opened", _("opened")
        RESOLVED = "resolved", _("resolved")
        TEST = "test", _("test")

    class State(models.TextChoices):
        WAITING = "waiting", _("waiting")
        SENT = "sent", _("sent")
        FAILED = "failed", _("failed")

    key = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    rule = models.ForeignKey(
        AlertRule, verbose_name=_("rule"), on_delete=models.CASCADE, related_name="deliveries"
    )
    episode = models.ForeignKey(
        AlertEpisode, verbose_name=_("alert"), null=True, blank=True, on_delete=models.CASCADE,
        related_name="deliveries",
    )  # fmt: skip
    event = models.CharField(_("event"), max_length=16, choices=Event)
    channel = models.CharField(_("channel"), max_length=16, choices=Channel)
    target = models.CharField(_("to"), max_length=500)
    payload = models.JSONField(_("message"), default=dict)
    state = models.CharField(_("state"), max_length=16, choices=State, default=State.WAITING)
    n_attempts = models.PositiveSmallIntegerField(_("attempts"), default=0)
    error = models.CharField(_("error"), max_length=500, blank=True, default="")
    created_at = models.DateTimeField(_("created"), default=timezone.now)
    sent_at = models.DateTimeField(_("sent"), null=True, blank=True)

    class Meta:
        verbose_name = _("message of an alert")
        verbose_name_plural = _("messages of alerts")
        default_permissions = ("view",)
        indexes = [models.Index(fields=["-created_at"], name="ecomai_alert_delivery_time")]

    def __str__(self) -> str:
        return f"{self.get_channel_display()} {self.where}"

    @property
    def where(self) -> str:
        """Whom it goes to; of a webhook its host, for its path may be a secret of its own."""
        if self.channel == self.Channel.WEBHOOK:
            return urlsplit(self.target).hostname or ""
        return self.target
