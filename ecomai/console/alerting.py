"""Alert rules at work: look at measures, open and resolve alerts, and send messages of them."""

import logging
import secrets
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.core.mail import send_mail
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import override

from ecomai.exceptions import EcomaiError, NotFoundError, PermissionDeniedError, UnavailableError
from ecomai.registry.jobs import RunningJob, enqueue_job
from ecomai.registry.services import write_audit

from . import webhooks
from .app_settings import app_settings
from .exceptions import NoRecipientError
from .measures import Reading, get_measure
from .models import AlertDelivery, AlertEpisode, AlertRule

logger = logging.getLogger(__name__)

DELIVERY_KIND = "alert_delivery"
MOST_ATTEMPTS = 6
#: A measure with more things than this would send as many messages.
MOST_DIMENSIONS = 200


def new_secret() -> str:
    return secrets.token_urlsafe(32)


def evaluate_alerts(*, now: datetime | None = None) -> int:
    """Look at each rule once and return how many alerts are open. A rule that fails costs no other one."""
    now = now or timezone.now()
    for key in AlertRule.objects.filter(is_on=True).values_list("pk", flat=True):
        try:
            _evaluate(key, now)
        except Exception as error:
            logger.exception("Alert rule %s could not be looked at.", key)
            text = str(error) if isinstance(error, EcomaiError) else type(error).__name__
            AlertRule.objects.filter(pk=key).update(last_error=text[:500], evaluated_at=now)
    _end_orphans(now)
    oldest = now - timedelta(days=app_settings.KEEP_ALERTS_DAYS)
    AlertEpisode.objects.filter(resolved_at__lt=oldest).delete()
    AlertDelivery.objects.filter(created_at__lt=oldest).delete()
    return AlertEpisode.objects.filter(opened_at__isnull=False, resolved_at=None).count()


def _evaluate(key: int, now: datetime) -> None:
    with transaction.atomic():
        rule = AlertRule.objects.select_for_update(skip_locked=True, of=("self",)).filter(pk=key).first()
        if rule is None:  # another process is at it
            return
        readings = get_measure(rule.measure).readings()
        if rule.dimension:
            readings = [one for one in readings if rule.dimension in (one.dimension, one.label)]
        _settle(rule, readings[:MOST_DIMENSIONS], now)
        AlertRule.objects.filter(pk=key).update(last_error="", evaluated_at=now)


def _settle(rule: AlertRule, readings: Sequence[Reading], now: datetime) -> None:
    open_ones = {one.dimension: one for one in rule.episodes.filter(resolved_at=None)}
    present = set()
    for reading in readings:
        dimension = reading.dimension[:200]
        present.add(dimension)
        episode = open_ones.get(dimension)
        if reading.value is None:
            continue
        if not is_passed(rule, reading.value):
            if episode is not None:
                _resolve(episode, reading.value, now)
            continue
        episode = episode or AlertEpisode(rule=rule, dimension=dimension, began_at=now)
        episode.value, episode.label = reading.value, (reading.label or dimension)[:200]
        _open(episode, now)
    for dimension, episode in open_ones.items():
        if dimension not in present:
            _resolve(episode, episode.value, now)


def is_passed(rule: AlertRule, value: float) -> bool:
    return value > rule.bound if rule.comparison == AlertRule.Comparison.ABOVE else value < rule.bound


def _open(episode: AlertEpisode, now: datetime) -> None:
    """Note that a bound is passed; tell once that it lasts, and not soon after the message before."""
    rule = episode.rule
    if episode.opened_at is None and now - episode.began_at >= timedelta(minutes=rule.for_minutes):
        episode.opened_at = now
    is_to_tell = episode.opened_at and episode.told_at is None and not _is_quiet(episode, now)
    if is_to_tell:
        episode.told_at = now
    episode.save()
    if is_to_tell:
        _tell(episode, AlertDelivery.Event.OPENED)


def _is_quiet(episode: AlertEpisode, now: datetime) -> bool:
    since = now - timedelta(minutes=episode.rule.cool_down_minutes)
    same = AlertEpisode.objects.filter(rule=episode.rule, dimension=episode.dimension, told_at__gt=since)
    return same.exclude(pk=episode.pk).exists()


def _resolve(episode: AlertEpisode, value: float, now: datetime) -> None:
    """End an alert. What never lasted long enough to open leaves no trace; who was told is told again."""
    if episode.opened_at is None:
        episode.delete()
        return
    episode.resolved_at, episode.value = now, value
    episode.save(update_fields=["resolved_at", "value"])
    if episode.told_at is not None:
        _tell(episode, AlertDelivery.Event.RESOLVED)


def _end_orphans(now: datetime) -> None:
    """A rule that was switched off finds nothing any more."""
    AlertEpisode.objects.filter(rule__is_on=False, resolved_at=None).update(resolved_at=now)


# -- messages -------------------------------------------------------------------------------------


def _tell(episode: AlertEpisode, event: str) -> list[AlertDelivery]:
    return _enqueue(episode.rule, event, payload_of(episode.rule, event, episode), episode)


def payload_of(rule: AlertRule, event: str, episode: AlertEpisode | None) -> dict[str, Any]:
    """Return what a webhook gets; a mail says the same in words."""
    with override(settings.LANGUAGE_CODE):
        payload: dict[str, Any] = {
            "event": event,
            "rule": rule.name,
            "severity": rule.severity,
            "measure": rule.measure,
            "comparison": rule.comparison,
            "bound": rule.bound,
            "text": sentence_of(episode) if episode else _("This is a test; nothing is wrong."),
        }
    if episode is not None:
        payload |= {
            "alert": episode.pk,
            "dimension": episode.dimension,
            "label": episode.label,
            "value": episode.value,
            "began_at": episode.began_at.isoformat(),
            "resolved_at": episode.resolved_at.isoformat() if episode.resolved_at else None,
        }
    return payload


def sentence_of(episode: AlertEpisode) -> str:
    """Say what a measure shows, and what its bound is."""
    rule = episode.rule
    try:
        measure = get_measure(rule.measure)
    except NotFoundError:
        return rule.measure
    if measure.is_said_by_label:
        return (
            _("%(what)s: this is over.") % {"what": episode.label} if episode.resolved_at else episode.label
        )
    name = f"{measure.verbose_name} ({episode.label})" if episode.label else str(measure.verbose_name)
    values = {
        "name": name, "value": measure.as_text(episode.value), "bound": measure.as_text(rule.bound),
    }  # fmt: skip
    if episode.resolved_at:
        return _("%(name)s: %(value)s; the bound of %(bound)s is kept again.") % values
    if rule.comparison == AlertRule.Comparison.ABOVE:
        return _("%(name)s: %(value)s, above the bound of %(bound)s.") % values
    return _("%(name)s: %(value)s, below the bound of %(bound)s.") % values


def _enqueue(
    rule: AlertRule, event: str, payload: Mapping[str, Any], episode: AlertEpisode | None
) -> list[AlertDelivery]:
    """Write a row and a job for each address, so that a broken one stops none of the others."""
    rows = []
    for channel, target in _targets(rule):
        row = AlertDelivery.objects.create(
            rule=rule, episode=episode, event=event, channel=channel, target=target, payload=dict(payload)
        )
        enqueue_job(
            kind=DELIVERY_KIND, arguments={"delivery": row.pk}, max_attempts=MOST_ATTEMPTS,
            label=_("Message of “%(rule)s” to %(target)s") % {"rule": rule.name, "target": row.where},
        )  # fmt: skip
        rows.append(row)
    return rows


def _targets(rule: AlertRule) -> Iterable[tuple[str, str]]:
    for address in rule.addresses:
        yield AlertDelivery.Channel.MAIL, address
    if rule.webhook_url:
        yield AlertDelivery.Channel.WEBHOOK, rule.webhook_url


def deliver(job: RunningJob) -> dict[str, Any]:
    """Do the work of an `alert_delivery` job; what may go well later raises, and is tried again."""
    row = AlertDelivery.objects.select_related("rule").filter(pk=job.arguments["delivery"]).first()
    if row is None or row.state == AlertDelivery.State.SENT:
        return {}
    row.n_attempts += 1
    try:
        _send(row)
    except Exception as error:
        may_go_well_later = isinstance(error, OSError | UnavailableError)
        is_given_up = not may_go_well_later or job.job.attempts >= job.job.max_attempts
        row.state = AlertDelivery.State.FAILED if is_given_up else AlertDelivery.State.WAITING
        row.error = _reason(error)
        row.save(update_fields=["n_attempts", "state", "error"])
        if may_go_well_later:
            raise UnavailableError from error
        raise
    row.state, row.error, row.sent_at = AlertDelivery.State.SENT, "", timezone.now()
    row.save(update_fields=["n_attempts", "state", "error", "sent_at"])
    return {"channel": row.channel}


def _send(row: AlertDelivery) -> None:
    if row.channel == AlertDelivery.Channel.WEBHOOK:
        webhooks.post(row.target, row.payload, secret=row.rule.webhook_secret, key=str(row.key))
        return
    with override(settings.LANGUAGE_CODE):
        send_mail(subject_of(row), text_of(row), settings.DEFAULT_FROM_EMAIL, [row.target])


def _reason(error: Exception) -> str:
    return (str(error) if isinstance(error, EcomaiError) else f"{type(error).__name__}: {error}")[:500]


def subject_of(row: AlertDelivery) -> str:
    """A subject is one line, whatever a rule is called."""
    subject = {
        AlertDelivery.Event.OPENED: _("Alert: %(rule)s"),
        AlertDelivery.Event.RESOLVED: _("Over: %(rule)s"),
        AlertDelivery.Event.TEST: _("Test: %(rule)s"),
    }[AlertDelivery.Event(row.event)] % {"rule": row.rule.name}
    return " ".join(subject.split())


def text_of(row: AlertDelivery) -> str:
    lines = [row.payload.get("text", "")]
    if row.payload.get("began_at"):
        began = timezone.localtime(datetime.fromisoformat(row.payload["began_at"]))
        lines.append(_("Since %(time)s.") % {"time": f"{began:%Y-%m-%d %H:%M %Z}"})
    lines.append(_("The console of the shop says more; an alert can be acknowledged there."))
    return "\n\n".join(lines)


# -- what a person does ---------------------------------------------------------------------------


def send_test(*, rule: AlertRule, user: Any) -> list[AlertDelivery]:
    """Send a message to all addresses of a rule, as it would be. Raises NoRecipientError."""
    if not user.has_perm("ecomai_console.test_alertrule"):
        raise PermissionDeniedError
    if not any(True for _target in _targets(rule)):
        raise NoRecipientError
    with transaction.atomic():
        write_audit(action="test_alert", subject=rule, user=user)
        event = AlertDelivery.Event.TEST
        return _enqueue(rule, event, payload_of(rule, event, None), None)


def acknowledge(*, episode: AlertEpisode, user: Any) -> None:
    """Take an alert off the front page: somebody looks after it. Doing so twice changes nothing."""
    if not user.has_perm("ecomai_console.acknowledge_alertepisode"):
        raise PermissionDeniedError
    with transaction.atomic():
        rows = AlertEpisode.objects.filter(pk=episode.pk, acknowledged_at=None)
        if rows.update(acknowledged_at=timezone.now(), acknowledged_by=user):
            write_audit(action="acknowledge_alert", subject=episode, user=user)
