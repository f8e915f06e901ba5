"""Every admin page and every endpoint is walked by those who have no business there."""

import uuid
from collections.abc import Iterator
from decimal import Decimal

import pytest
from django.apps import apps
from django.contrib import admin
from django.contrib.auth import get_user_model
from django.core.cache import cache
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, reverse
from django.utils import timezone

from ecomai.commerce import models as commerce
from ecomai.commerce.services import create_api_key
from ecomai.console import models as console
from ecomai.experiments import models as experiments
from ecomai.fusion import models as fusion
from ecomai.generation import models as generation
from ecomai.registry import models as registry
from marketing import models as marketing
from recommendations import models as recommendations
from risk import models as risk
from support_bot import models as support

pytestmark = pytest.mark.django_db

MODEL = "recommendations.next_item"
# Addresses that anybody may read.
PUBLIC = {"health-live", "health-ready", "plotly", "schema", "api-docs"}
# Addresses that are proof by themselves: their links are signed, and a forged one is not found.
SIGNED = {"marketing-unsubscribe", "marketing-preferences-of", "marketing-ad-click"}
# Pages of a customer: whoever is not logged in is sent to the shop's login.
AFTER_LOGIN = {"marketing-preferences"}
# What a customer may do: ask for recommendations, and about oneself.
OWN = {
    "recommendations", "recommendation-feedback", "recommendation-seo",
    "search", "search-suggestions", "picture-search",
    "fusion-me", "fusion-me-consents", "fusion-me-erasure",
    "risk-decision", "marketing-onsite", "marketing-onsite-act",
    "support-bot-end", "support-bot-messages", "support-bot-person", "support-bot-rating", "support-bot-wait",
    "support-bot-attachments", "support-bot-attachment", "support-bot-attachment-file",
}  # fmt: skip


def patterns(found: list, path: str = "") -> Iterator[tuple[str, URLPattern]]:
    for pattern in found:
        here = path + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            yield from patterns(pattern.url_patterns, here)
        else:
            yield here, pattern


def is_ours(model: type) -> bool:
    return model._meta.app_label.startswith("ecomai_")


@pytest.fixture(autouse=True)
def no_limits() -> None:
    """What is refused here must not be refused for being asked too often."""
    cache.clear()


@pytest.fixture
def rows() -> dict[str, object]:
    """One row of every model that has a page, so that no page is missing for want of a row."""
    now = timezone.now()
    item = commerce.Item.objects.create(external_id="mug", title="Mug", price=Decimal(3), currency="EUR")
    customer = commerce.Customer.objects.create(external_id="c-1")
    job = registry.Job.objects.create(kind="training", queue="gpu")
    version = registry.ModelVersion.objects.create(model_name=MODEL, number=1, artifact_digest="0" * 64)
    run = registry.TrainingRun.objects.create(model_name=MODEL, job=job, version=version)
    made = [
        item, customer, job, version, run,
        commerce.Event.objects.create(key="0" * 32, type="view", item=item, occurred_at=now),
        create_api_key(name="key", kind="secret")[0],
        commerce.Order.objects.create(external_id="o-1", currency="EUR", placed_at=now),
        commerce.ExchangeRate.objects.create(currency="USD", valid_from=now.date(), rate=1),
        commerce.ImportCheckpoint.objects.create(source="a file"),
        commerce.CrawlerCount.objects.create(day=now.date()),
        commerce.RejectedRow.objects.create(kind="event", code="x", reason="x", payload={}, digest="x"),
        registry.AuditEntry.objects.create(action="x", subject="x"),
        registry.ModelDeployment.objects.create(model_name=MODEL, shadow_version=version),
        registry.LabellingTask.objects.create(model_name=MODEL, subject_key="1", text="x"),
        registry.ScenarioSwitch.objects.create(scenario_name="recommendations"),
        fusion.Fact.objects.create(name="x", entity="item", entity_id="mug", value=1, expires_at=now),
        fusion.ConsentRecord.objects.create(customer=customer, purpose="x", is_granted=True, source="x"),
        fusion.SessionLink.objects.create(session_id="session-1", customer=customer),
        fusion.ErasureRequest.objects.create(subject_digest="x"),
        fusion.RetrainMark.objects.create(version=version),
        console.QualityReport.objects.create(),
        rule := console.AlertRule.objects.create(name="x", measure="console.alerts", bound=0),
        console.AlertEpisode.objects.create(rule=rule, value=1, opened_at=now),
        experiments.Experiment.objects.create(name="x", slug="x", subject="x:y"),
        generation.Prompt.objects.get_or_create(name="x", language="en")[0],
        generation.BrandVoice.objects.create(language="en"),
        recommendations.BatchRecommendation.objects.create(
            customer=customer, item_keys=[], scores=[], model_version=version
        ),
        recommendations.Answer.objects.create(item_keys=[], source="popular"),
        recommendations.Feedback.objects.create(session_id="session-1", item=item, kind="owned"),
        recommendations.Pipeline.objects.create(name="x", placement="x"),
        recommendations.ItemPopularity.objects.create(item=item, score=1),
        recommendations.SearchLog.objects.create(query="mug", normalised="mug", n_found=0),
        recommendations.Synonym.objects.create(terms="mug", means="cup"),
        recommendations.DailyFigures.objects.create(day=now.date(), scope="shop"),
        recommendations.SeoDraft.objects.create(item=item, language="en", title="Mug", description="Mug."),
        recommendations.Replay.objects.create(configuration={}, period_start=now, period_end=now),
        recommendations.DailyExposure.objects.create(day=now.date()),
        recommendations.Exploration.objects.create(placement="x"),
        asked := risk.Assessment.objects.create(kind="payment_fraud", external_id="o-1", occurred_at=now),
        risk.Label.objects.create(assessment=asked, is_fraud=True, source="chargeback"),
        risk.Policy.objects.create(kind="payment_fraud", number=1, is_current=True),
        risk.Rule.objects.create(name="x", kinds=["payment_fraud"], condition="amount > 1", reason="x"),
        risk.ListEntry.objects.create(list="block", kind="card", key=uuid.uuid4(), shown="…"),
        risk.Backtest.objects.create(
            kind="payment_fraud", configuration={}, period_start=now, period_end=now
        ),
        risk.Case.objects.create(assessment=asked, kind="payment_fraud", due_at=now),
        risk.Appeal.objects.create(assessment=asked, text="x"),
        marketing.CustomerProfile.objects.create(customer=customer),
        marketing.ContentDraft.objects.create(
            item=item, kind="title", language="en", number=1, text="Mug", facts_digest="x",
            composer="grounded",
        ),
        marketing.PictureDraft.objects.create(item=item, words="Mug"),
        risk.FairnessReport.objects.create(
            kind="payment_fraud", grouping="country", day=now.date(), n_days=28
        ),
        segment := marketing.Segment.objects.create(name="x", slug="x", condition={"event": "view"}),
        marketing.Campaign.objects.create(name="x", segment=segment),
        marketing.AdGroup.objects.create(name="x", currency="EUR", price=1),
        marketing.Journey.objects.create(name="x", segment=segment),
        marketing.Topic.objects.create(slug="x", name="x"),
        marketing.WebhookEndpoint.objects.create(name="x", url="https://x.example", secret="x"),
        marketing.Suppression.objects.create(address_digest=uuid.uuid4(), kind="hard_bounce"),
        marketing.Feedback.objects.create(external_id="x", source="review", text="x", written_at=now),
        marketing.FeedSource.objects.create(name="x", url="https://x.example"),
        aspect := marketing.Aspect.objects.create(slug="x", name="x"),
        marketing.VoiceAlarm.objects.create(
            aspect=aspect, kind="volume", began_on=now.date(), until=now.date(), n_negative=9,
            n_expected=1, share=1, share_before=0, p_value=0,
        ),
        support.Intent.objects.create(name="x", title="x"),
        support.PromptTrial.objects.create(
            version=generation.PromptVersion.objects.create(
                prompt=generation.Prompt.objects.create(name="y", language="en"), number=1, templates="x"
            ),
            period_start=now, period_end=now,
        ),
        support.Article.objects.create(title="x", slug="x", body="x"),
        support.Relation.objects.create(kind="compatible", subject="x", object="y"),
        talk := support.Conversation.objects.create(visitor_digest="x"),
        flow := support.Flow.objects.create(name="x", title="x"),
        support.FlowVersion.objects.create(flow=flow, number=1, definition={"intents": ["x"], "steps": []}),
        support.ToolCall.objects.create(conversation=talk, key="x", tool="cancel_order"),
        support.Tag.objects.create(name="x"),
        support.CannedAnswer.objects.create(shortcut="x", title="x", text="x"),
        support.AgentProfile.objects.create(user=get_user_model().objects.create_user("an-agent")),
        support.OfficeHours.objects.create(weekday=0, opens="09:00", closes="17:00"),
        support.ClosedDay.objects.create(day=now.date()),
    ]  # fmt: skip
    found = {row._meta.label_lower: row for row in made}
    found["ecomai_fusion.customerpicture"] = customer
    return found


def arguments(pattern: URLPattern, pk: object) -> dict[str, object]:
    fitting = {"object_id": pk, "pk": pk, "name": MODEL, "action": "roll-back", "state": "off"}
    fitting |= {"token": "forged", "number": 1}
    fitting |= {"which": "content", "public_id": uuid.UUID(int=1)}
    fitting |= {"release": "1", "kind": "payment_fraud", "external_id": "o-1"}
    fitting |= {"slot": "home", "slug": "x", "customer_id": "c-1", "placement": "home", "act": "pause"}
    return {name: fitting[name] for name in pattern.pattern.converters}


def admin_addresses(rows: dict) -> Iterator[str]:
    for model, model_admin in admin.site._registry.items():
        if not is_ours(model):
            continue
        row = rows.get(model._meta.label_lower)
        assert row or model is console.Console, f"{model._meta.label} has pages, and no row in this test"
        for _path, pattern in patterns(model_admin.urls):
            if pattern.name:
                yield reverse(f"admin:{pattern.name}", kwargs=arguments(pattern, getattr(row, "pk", None)))


def rest_addresses(rows: dict) -> Iterator[tuple[str, str]]:
    kinds = {"run": "trainingrun", "version": "modelversion", "job": "job", "promote": "modelversion"}
    for path, pattern in patterns(get_resolver().url_patterns):
        if path.startswith("ecomai/"):
            kind = next((label for name, label in kinds.items() if name in pattern.name), "job")
            row = rows[f"ecomai_registry.{kind}"]
            yield pattern.name, reverse(f"ecomai:{pattern.name}", kwargs=arguments(pattern, row.pk))


def counted() -> dict[str, int]:
    """How many rows there are, to see that nothing was done."""
    return {
        model._meta.label: model._default_manager.count()
        for model in apps.get_models()
        if is_ours(model) and model._meta.managed
    }


@pytest.fixture
def customer_client(django_user_model) -> Client:
    client = Client()
    client.force_login(django_user_model.objects.create_user("a customer"))
    return client


@pytest.fixture
def staff_client(django_user_model) -> Client:
    """Of the staff, and without any permission."""
    client = Client()
    client.force_login(django_user_model.objects.create_user("of the staff", is_staff=True))
    return client


@pytest.mark.parametrize("method", ["get", "post"])
@pytest.mark.parametrize("who", ["client", "customer_client"])
def test_who_is_not_of_the_staff_is_sent_to_the_login(request, who, method, rows):
    visitor, before = request.getfixturevalue(who), counted()
    answers = {address: getattr(visitor, method)(address) for address in admin_addresses(rows)}
    open_pages = {
        address: answer.status_code
        for address, answer in answers.items()
        if not (answer.status_code == 302 and "/login/" in answer["Location"])
    }
    assert len(answers) > 100
    assert open_pages == {}
    assert counted() == before


@pytest.mark.parametrize("method", ["get", "post"])
def test_staff_without_permission_see_and_do_nothing(staff_client, method, rows):
    """Where a page is refused by sending the person back, nothing may have been done either."""
    before = counted()
    answers = {address: getattr(staff_client, method)(address) for address in admin_addresses(rows)}
    statuses = {address: answer.status_code for address, answer in answers.items()}
    assert {address: status for address, status in statuses.items() if status not in (302, 403, 405)} == {}
    assert sum(status == 302 for status in statuses.values()) < 0.1 * len(statuses)
    assert counted() == before
    assert registry.ScenarioSwitch.objects.get().is_on


def test_a_form_without_its_token_does_nothing_even_for_an_administrator(django_user_model, rows):
    client = Client(enforce_csrf_checks=True)
    client.force_login(django_user_model.objects.create_superuser("admin"))
    before = counted()
    statuses = {address: client.post(address).status_code for address in admin_addresses(rows)}
    assert {address: status for address, status in statuses.items() if status not in (403, 405)} == {}
    assert counted() == before


@pytest.mark.parametrize("method", ["get", "post", "put", "delete", "patch"])
@pytest.mark.parametrize("key", ["", "sk_wrong", "pk_wrong"])
def test_an_endpoint_is_closed_without_a_key(client, method, key, rows):
    before = counted()
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    for name, address in rest_addresses(rows):
        if name in PUBLIC | SIGNED | AFTER_LOGIN:
            continue
        answer = getattr(client, method)(address, content_type="application/json", headers=headers)
        assert answer.status_code in (401, 403, 405), (address, answer.status_code)
        if name != "metrics":
            assert set(answer.json()["error"]) == {"code", "message", "details"}, address
    assert counted() == before


@pytest.mark.parametrize("method", ["get", "post", "put", "delete"])
@pytest.mark.parametrize("who", ["customer_client", "staff_client"])
def test_a_login_opens_no_endpoint_but_ones_own(request, who, method, rows):
    visitor, before = request.getfixturevalue(who), counted()
    for name, address in rest_addresses(rows):
        if name in PUBLIC | SIGNED | AFTER_LOGIN | OWN or (name == "metrics" and who == "staff_client"):
            continue
        answer = getattr(visitor, method)(address, content_type="application/json")
        assert answer.status_code in (401, 403, 405), (address, answer.status_code)
    assert counted() == before


@pytest.mark.parametrize("method", ["get", "post", "put", "delete"])
@pytest.mark.parametrize("kind", ["secret", "publishable"])
def test_a_key_without_scopes_opens_nothing(client, method, kind, rows):
    _key, plaintext = create_api_key(name="nothing", kind=kind, scopes=[], origins=["https://shop.example"])
    headers = {"Authorization": f"Bearer {plaintext}", "Origin": "https://shop.example"}
    before = counted()
    for name, address in rest_addresses(rows):
        if name in PUBLIC | SIGNED | AFTER_LOGIN:
            continue
        answer = getattr(client, method)(address, content_type="application/json", headers=headers)
        assert answer.status_code in (401, 403, 405), (address, answer.status_code)
    assert counted() == before


@pytest.mark.parametrize("name", sorted(AFTER_LOGIN))
def test_a_customers_page_sends_who_is_not_logged_in_to_the_login(client, name):
    before = counted()
    for method in ("get", "post"):
        answer = getattr(client, method)(reverse(f"ecomai:{name}"))
        assert (answer.status_code, "next=" in answer["Location"]) == (302, True)
    assert counted() == before
