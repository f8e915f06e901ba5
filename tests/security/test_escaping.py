"""What others wrote is shown as they wrote it and never runs: in the admin, and in the shop's pages."""

import pytest
from django.contrib import admin
from django.template import Context, Template
from django.test import RequestFactory
from django.urls import NoReverseMatch, reverse
from django.utils import timezone

from ecomai.commerce.models import Customer, ImportCheckpoint, RejectedRow
from ecomai.commerce.services import create_api_key, ingest_events, upsert_customers, upsert_items
from ecomai.fusion.models import ConsentRecord, Fact
from ecomai.registry.models import AuditEntry, Job, LabellingTask, ModelVersion, RunMetric, TrainingRun
from recommendations import catalogue
from recommendations.services import refresh_popularity

pytestmark = pytest.mark.django_db

PLANTED = "</script><script>alert(1)</script>{{7*7}}\"'><img src=x onerror=alert(2)>"
HARM = ("<script>alert", "<img src=x", "\"'><")
ITEM, MODEL = "mug <script>alert(3)</script>", "recommendations.next_item"


@pytest.fixture
def planted(db) -> Customer:
    """A shop in whose every text somebody planted markup."""
    texts = {"title": PLANTED, "description": PLANTED, "category_path": PLANTED, "brand": PLANTED}
    item = {"external_id": ITEM, **texts, "attributes": {PLANTED: PLANTED}, "price": "1", "currency": "EUR"}
    upsert_items([item], storefront="", source=PLANTED)
    upsert_customers([{"external_id": PLANTED, "traits": {PLANTED: PLANTED}}], storefront="", source=PLANTED)
    events = [
        {"type": "search", "customer_id": PLANTED, "query": PLANTED, "properties": {PLANTED: PLANTED}},
        {"type": "view", "customer_id": PLANTED, "item_id": ITEM},
        {"type": PLANTED, "item_id": PLANTED},
    ]
    ingest_events(events, storefront="", source=PLANTED)
    assert RejectedRow.objects.count() == 1
    create_api_key(name=PLANTED, kind="secret")
    customer = Customer.objects.get()
    Fact.objects.create(
        name="x", entity="customer", entity_id=PLANTED, value={PLANTED: PLANTED}, expires_at=timezone.now()
    )
    ConsentRecord.objects.create(customer=customer, purpose="x", is_granted=True, source=PLANTED)
    ImportCheckpoint.objects.create(source=PLANTED, summary={PLANTED: PLANTED})
    plant_in_registry()
    refresh_popularity()
    catalogue.forget()
    return customer


def plant_in_registry() -> None:
    texts = {"label": PLANTED, "error_message": PLANTED, "traceback": PLANTED, "progress_message": PLANTED}
    job = Job.objects.create(kind="training", state="failed", **texts, arguments={PLANTED: PLANTED})
    version = ModelVersion.objects.create(
        model_name=MODEL, number=1, artifact_digest="0" * 64,
        card={PLANTED: PLANTED, "intended_use": PLANTED},
        group_metrics={PLANTED: {"ndcg@10": 1.0}}, hyperparameters={PLANTED: PLANTED},
    )  # fmt: skip
    run = TrainingRun.objects.create(
        model_name=MODEL, job=job, version=version, hyperparameters={PLANTED: PLANTED}
    )
    for step in (1, 2):
        RunMetric.objects.create(run=run, name=PLANTED[:64], step=step, value=1)
    AuditEntry.objects.create(action="x", subject=PLANTED, actor_label=PLANTED, details={PLANTED: PLANTED})
    LabellingTask.objects.create(
        model_name=MODEL,
        subject_key=PLANTED,
        text=PLANTED,
        context={PLANTED: PLANTED},
        choices=[PLANTED, "b"],
    )


def pages(customer: Customer) -> list[str]:
    found = [
        reverse("admin:ecomai_registry_labelling_work"),
        reverse("admin:ecomai_registry_model", args=[MODEL]),
        reverse("admin:ecomai_registry_run_curve", args=[TrainingRun.objects.get().pk]),
        reverse("admin:ecomai_recommendations_preview") + f"?customer={customer.pk}",
        reverse("admin:ecomai_fusion_erase", args=[customer.pk]),
    ]
    for model in admin.site._registry:
        if not model._meta.app_label.startswith("ecomai_"):
            continue
        name = f"admin:{model._meta.app_label}_{model._meta.model_name}"
        found.append(reverse(f"{name}_changelist"))
        row = model._default_manager.first() if model._meta.managed else None
        try:
            found += [reverse(f"{name}_change", args=[row.pk])] if row else []
        except NoReverseMatch:
            continue
    return found


def test_no_page_of_the_admin_runs_what_was_planted(admin_client, planted):
    showing = 0
    for address in pages(planted):
        html = admin_client.get(address, follow=True).content.decode()
        assert [harm for harm in HARM if harm in html] == [], address
        showing += "alert(1)" in html
    assert showing >= 15, "the planted texts are hardly shown, so that this test proves nothing"


def test_no_strip_of_the_shop_runs_what_was_planted(planted):
    request = RequestFactory().get("/")
    template = Template("{% load ecomai_recommendations %}{% recommendations placement='home' n=3 %}")
    html = template.render(Context({"request": request}))
    assert "alert(1)" in html
    assert [harm for harm in HARM if harm in html] == []
