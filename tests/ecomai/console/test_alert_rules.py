"""Rules of alerts: when they open and resolve, who is told, and how messages are sent and guarded."""

import json
import threading
from collections.abc import Iterator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from django.contrib.auth.models import Permission
from django.core import mail
from django.urls import reverse
from django.utils import timezone

from ecomai.commerce.models import RejectedRow
from ecomai.console import alerting, alerts, measures, webhooks
from ecomai.console.exceptions import NoRecipientError, WebhookAddressError, WebhookRefusedError
from ecomai.console.measures import Measure, Reading
from ecomai.console.models import AlertDelivery, AlertEpisode, AlertRule
from ecomai.exceptions import PermissionDeniedError
from ecomai.registry.jobs import execute_job
from ecomai.registry.models import AuditEntry, Job

pytestmark = pytest.mark.django_db
values: dict[str, float | None] = {}


def read() -> list[Reading]:
    return [Reading(value, name, f"the {name} page") for name, value in values.items()]


def fail() -> list[Reading]:
    raise RuntimeError("the table is gone")


@pytest.fixture(autouse=True)
def measured(monkeypatch):
    values.clear()
    monkeypatch.setattr(measures, "_measures", dict(measures._measures))
    path = __name__
    measures.register_measure(
        Measure(name="toy.rate", verbose_name="Toy rate", read=f"{path}.read", unit="%", default_bound=0.1)
    )
    measures.register_measure(Measure(name="toy.broken", verbose_name="Broken", read=f"{path}.fail"))


@pytest.fixture
def rule(db) -> AlertRule:
    return AlertRule.objects.create(
        name="Fallbacks", measure="toy.rate", bound=0.2, recipients="ops@shop.example", cool_down_minutes=60
    )


def look(minutes: float = 0) -> int:
    return alerting.evaluate_alerts(now=timezone.now() + timedelta(minutes=minutes))


def send_all() -> None:
    for key in (
        Job.objects.filter(kind="alert_delivery", state="queued").order_by("pk").values_list("pk", flat=True)
    ):
        Job.objects.filter(pk=key).update(run_after=timezone.now())
        execute_job(key)


class Receiver(HTTPServer):
    """A receiver of webhooks that answers as it is told and keeps what it got."""

    def __init__(self) -> None:
        self.got: list[tuple[dict[str, str], bytes]] = []
        self.statuses: list[int] = []
        super().__init__(("127.0.0.1", 0), _Answer)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/hook?a=1"


class _Answer(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.got.append((dict(self.headers), body))
        status = self.server.statuses.pop(0) if self.server.statuses else 204
        self.send_response(status)
        if status == 302:
            self.send_header("Location", self.server.url)
        self.end_headers()

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture
def receiver(settings) -> Iterator[Receiver]:
    settings.ECOMAI = {**settings.ECOMAI, "CONSOLE": {"WEBHOOK_MAY_BE_PRIVATE": True}}
    server = Receiver()
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


# -- opening and resolving ------------------------------------------------------------------------


def test_a_bound_that_is_passed_opens_one_alert_and_going_back_resolves_it(rule):
    values["home"] = 0.5
    assert [look(), look(1), look(2)] == [1, 1, 1]
    episode = AlertEpisode.objects.get()
    assert (episode.dimension, episode.value) == ("home", 0.5)
    assert alerting.sentence_of(episode) == "Toy rate (the home page): 50.0 %, above the bound of 20.0 %."
    values["home"] = 0.1
    assert look(3) == 0
    send_all()
    assert [message.subject for message in mail.outbox] == ["Alert: Fallbacks", "Over: Fallbacks"]
    assert mail.outbox[0].to == ["ops@shop.example"]
    assert "the bound of 20.0 % is kept again" in mail.outbox[1].body


def test_each_dimension_is_an_alert_and_a_rule_may_be_for_one(rule):
    values.update(home=0.5, basket=0.6, item=0.1)
    assert look() == 2
    AlertRule.objects.update(dimension="basket")
    assert look(1) == 1
    assert AlertEpisode.objects.get(resolved_at=None).dimension == "basket"


def test_what_does_not_last_is_not_told(rule):
    AlertRule.objects.update(for_minutes=10)
    values["home"] = 0.5
    assert [look(0), look(9)] == [0, 0]
    values["home"] = 0.1
    look(9.5)
    assert not AlertEpisode.objects.exists()
    values["home"] = 0.5
    assert [look(10), look(19), look(20.1)] == [0, 0, 1]
    assert AlertDelivery.objects.count() == 1


def test_a_flapping_value_is_told_once_within_the_cool_down(rule):
    for minute in range(0, 50, 10):
        values["home"] = 0.5
        look(minute)
        values["home"] = 0.1
        look(minute + 5)
    assert [row.event for row in AlertDelivery.objects.order_by("pk")] == ["opened", "resolved"]
    values["home"] = 0.5
    look(55)
    assert AlertDelivery.objects.count() == 2
    look(61)  # still open when the quiet is over
    assert AlertDelivery.objects.filter(event="opened").count() == 2


def test_an_unknown_value_changes_nothing_and_a_thing_that_is_gone_is_over(rule):
    values["home"] = 0.5
    look()
    values["home"] = None
    assert look(1) == 1
    values.clear()
    assert look(2) == 0


def test_below_and_the_bound_itself(rule):
    AlertRule.objects.update(comparison="below")
    values["home"] = 0.2
    assert look() == 0
    values["home"] = 0.19
    assert look(1) == 1


def test_a_rule_that_fails_costs_no_other_and_says_so(rule):
    broken = AlertRule.objects.create(name="Broken", measure="toy.broken", bound=1)
    gone = AlertRule.objects.create(name="Gone", measure="no.such", bound=1)
    values["home"] = 0.5
    assert look() == 1
    broken.refresh_from_db()
    gone.refresh_from_db()
    assert broken.last_error == "RuntimeError"
    assert "no.such" in gone.last_error


def test_a_rule_that_is_switched_off_ends_its_alerts(rule):
    values["home"] = 0.5
    look()
    AlertRule.objects.update(is_on=False)
    assert look(1) == 0


# -- the front page -------------------------------------------------------------------------------


def test_open_alerts_are_on_the_front_page_until_acknowledged(rule, admin_user):
    values["home"] = 0.5
    look()
    assert [alert.title for alert in alerts._rules()] == ["Fallbacks: the home page"]
    episode = AlertEpisode.objects.get()
    alerting.acknowledge(episode=episode, user=admin_user)
    alerting.acknowledge(episode=episode, user=admin_user)
    assert alerts._rules() == []
    assert AuditEntry.objects.filter(action="acknowledge_alert").count() == 1
    assert look(1) == 1  # it is still so


def test_what_the_front_page_says_can_be_sent_too_and_does_not_watch_itself(rule, db):
    AlertRule.objects.update(measure="console.alerts", bound=0)
    RejectedRow.objects.create(kind="event", code="x", reason="x", payload={}, digest="x")
    assert look() == 1
    assert look(1) == 1
    send_all()
    assert "1 row was not taken" in mail.outbox[0].body
    assert alerts._rules() == []
    RejectedRow.objects.all().delete()
    assert look(2) == 0


def test_a_message_that_fails_makes_no_new_message(receiver, rule):
    AlertRule.objects.update(measure="console.alerts", bound=0, webhook_url=receiver.url, recipients="")
    RejectedRow.objects.create(kind="event", code="x", reason="x", payload={}, digest="x")
    receiver.statuses = [404]
    look()
    send_all()
    assert Job.objects.get(kind="alert_delivery").state == "failed"
    assert look(1) == 1
    assert AlertDelivery.objects.count() == 1


# -- sending --------------------------------------------------------------------------------------


def test_a_webhook_gets_a_signed_message(receiver, rule):
    AlertRule.objects.update(webhook_url=receiver.url, webhook_secret="a secret", recipients="")
    values["home"] = 0.5
    look()
    send_all()
    headers, body = receiver.got[0]
    said = json.loads(body)
    assert (said["event"], said["rule"], said["dimension"], said["value"]) == (
        "opened",
        "Fallbacks",
        "home",
        0.5,
    )
    signature = headers["X-Ecomai-Signature"]
    assert webhooks.is_signed(body, signature, secret="a secret")
    assert not webhooks.is_signed(body + b" ", signature, secret="a secret")
    assert not webhooks.is_signed(body, signature, secret="another")
    late = int(timezone.now().timestamp()) + 3600
    assert not webhooks.is_signed(body, signature, secret="a secret", now=late)
    assert not webhooks.is_signed(body, "", secret="a secret")
    assert "a secret" not in json.dumps(said)


def test_a_broken_webhook_stops_nobody_else_and_is_tried_again(receiver, rule):
    AlertRule.objects.update(webhook_url=receiver.url, webhook_secret="s")
    receiver.statuses = [503, 500, 204]
    values["home"] = 0.5
    look()
    send_all()
    assert len(mail.outbox) == 1
    row = AlertDelivery.objects.get(channel="webhook")
    assert (row.state, row.n_attempts) == ("waiting", 1)
    send_all()
    send_all()
    row.refresh_from_db()
    assert (row.state, row.n_attempts, row.error) == ("sent", 3, "")
    assert len({headers["X-Ecomai-Delivery"] for headers, _body in receiver.got}) == 1
    execute_job(Job.objects.filter(kind="alert_delivery").latest("pk").pk)
    assert len(receiver.got) == 3  # what is sent is not sent again


def test_what_is_refused_is_not_tried_again(receiver, rule):
    receiver.statuses = [302, 400]
    for status in (302, 400):
        with pytest.raises(WebhookRefusedError) as caught:
            webhooks.post(receiver.url, {}, secret="s", key="k")
        assert caught.value.params["status"] == status
    assert len(receiver.got) == 2  # a redirect is not followed


def test_a_receiver_that_is_away_or_slow_may_come_back(settings, rule):
    settings.ECOMAI = {
        **settings.ECOMAI, "CONSOLE": {"WEBHOOK_MAY_BE_PRIVATE": True, "WEBHOOK_TIMEOUT_SECONDS": 0.2}
    }  # fmt: skip
    with pytest.raises(OSError):  # noqa: PT011  (refused, or out of time)
        webhooks.post("http://127.0.0.1:9/", {}, secret="s", key="k")
    AlertRule.objects.update(webhook_url="http://127.0.0.1:9/", recipients="")
    values["home"] = 0.5
    look()
    send_all()
    assert AlertDelivery.objects.get().state == "waiting"
    assert Job.objects.get(kind="alert_delivery").state == "queued"


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1/", "http://localhost:8000/", "http://[::1]/", "http://10.0.0.1/", "http://192.168.1.1/",
        "http://169.254.169.254/latest/meta-data/", "http://0.0.0.0/", "http://[::ffff:127.0.0.1]/",
        "http://[64:ff9b::7f00:1]/", "http://[2002:7f00:1::]/", "http://2130706433/", "http://0x7f.1/",
        "http://100.64.0.1/", "http://[fe80::1]/", "http://224.0.0.1/",
    ],
)  # fmt: skip
def test_no_address_inside_the_house_is_asked(url):
    with pytest.raises(WebhookAddressError):
        webhooks.post(url, {}, secret="s", key="k")


@pytest.mark.parametrize(
    "url",
    ["ftp://shop.example/", "file:///etc/passwd", "gopher://x/", "https://", "//x", "javascript:alert(1)",
     "https://user:password@shop.example/", "https://shop.example:99999/", "http://shop.example/\r\nHost: x"],
)  # fmt: skip
def test_only_plain_web_addresses_are_taken(url):
    with pytest.raises(WebhookAddressError):
        webhooks.check_url(url)


def test_a_mail_server_that_is_away_may_come_back(rule, settings):
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 9
    values["home"] = 0.5
    look()
    send_all()
    assert AlertDelivery.objects.get().state == "waiting"


# -- people ---------------------------------------------------------------------------------------


def test_a_test_message_goes_to_every_address_of_who_may(rule, admin_user, django_user_model):
    with pytest.raises(PermissionDeniedError):
        alerting.send_test(rule=rule, user=django_user_model.objects.create_user("clerk"))
    alerting.send_test(rule=rule, user=admin_user)
    send_all()
    assert mail.outbox[0].subject == "Test: Fallbacks"
    AlertRule.objects.update(recipients="")
    rule.refresh_from_db()
    with pytest.raises(NoRecipientError):
        alerting.send_test(rule=rule, user=admin_user)


def test_a_rule_named_over_two_lines_adds_no_header(rule):
    AlertRule.objects.update(name="Fallbacks\nBcc: all@shop.example")
    values["home"] = 0.5
    look()
    send_all()
    assert mail.outbox[0].subject == "Alert: Fallbacks Bcc: all@shop.example"


FORM = {
    "name": "Slow", "is_on": "on", "severity": "problem", "measure": "toy.rate", "comparison": "above",
    "bound": "0.5", "for_minutes": "5", "cool_down_minutes": "60",
}  # fmt: skip


def test_the_secret_is_shown_once_and_never_again(admin_client):
    add = reverse("admin:ecomai_console_alertrule_add")
    saved = admin_client.post(add, {**FORM, "webhook_url": "https://hooks.example/x"}, follow=True)
    rule = AlertRule.objects.get()
    assert len(rule.webhook_secret) >= 32
    assert rule.webhook_secret in saved.content.decode()
    change = reverse("admin:ecomai_console_alertrule_change", args=[rule.pk])
    assert rule.webhook_secret not in admin_client.get(change).content.decode()
    admin_client.post(change, {**FORM, "webhook_url": "https://hooks.example/y"})
    assert AlertRule.objects.get().webhook_secret == rule.webhook_secret
    admin_client.post(change, {**FORM, "webhook_url": "https://hooks.example/y", "is_new_secret": "on"})
    assert AlertRule.objects.get().webhook_secret != rule.webhook_secret


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({}, "Nobody would hear of it."),
        ({"recipients": "not an address"}, "is no mail address"),
        ({"webhook_url": "file:///etc/passwd"}, "no address that may be reached"),
        ({"recipients": "a@b.example", "measure": "no.such"}, "Select a valid choice"),
    ],
)
def test_a_rule_that_cannot_work_is_refused_with_a_sentence(admin_client, given, sentence):
    page = admin_client.post(reverse("admin:ecomai_console_alertrule_add"), {**FORM, **given})
    assert sentence in page.content.decode()
    assert not AlertRule.objects.exists()


def test_the_button_sends_a_test_and_its_outcome_is_listed(admin_client, rule):
    address = reverse("admin:ecomai_console_alertrule_test", args=[rule.pk])
    assert admin_client.get(address).status_code == 405
    admin_client.post(address)
    send_all()
    page = admin_client.get(reverse("admin:ecomai_console_alertrule_change", args=[rule.pk])).content.decode()
    assert "ops@shop.example" in page
    assert "sent" in page


def test_alerts_are_acknowledged_in_bulk_by_who_may(client, rule, django_user_model):
    values.update(home=0.5, basket=0.6)
    look()
    clerk = django_user_model.objects.create_user("clerk", is_staff=True)
    clerk.user_permissions.add(Permission.objects.get(codename="view_alertepisode"))
    client.force_login(clerk)
    address = reverse("admin:ecomai_console_alertepisode_changelist")
    page = client.get(address).content.decode()
    assert "Toy rate (the home page): 50.0 %" in page
    chosen = {"action": "acknowledge_all", "_selected_action": [one.pk for one in AlertEpisode.objects.all()]}
    client.post(address, chosen)
    assert AlertEpisode.objects.filter(acknowledged_at=None).count() == 2
    clerk.user_permissions.add(Permission.objects.get(codename="acknowledge_alertepisode"))
    client.post(address, chosen)
    assert AlertEpisode.objects.filter(acknowledged_by=clerk).count() == 2
