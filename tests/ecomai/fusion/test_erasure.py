import json
from io import StringIO
from uuid import uuid4

import pytest
from django.core.cache import cache
from django.core.management import CommandError, call_command
from django.utils import timezone

from ecomai.commerce import services as commerce
from ecomai.commerce.models import Customer, Event, Order, RejectedRow
from ecomai.commerce.snapshots import freeze
from ecomai.exceptions import PermissionDeniedError
from ecomai.fusion import registration, selectors, services, signals
from ecomai.fusion.exceptions import ErasureIncompleteError
from ecomai.fusion.models import ErasureRequest, RetrainMark
from ecomai.registry.models import AuditEntry, Job, ModelVersion, TrainingRun
from ecomai.registry.runs import run_folder
from tests.ecomai.fusion import host_app

from .markers import plant_everywhere, plant_in_shop, traces_of

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("toy_scenario", "shop")]


PLANTED = [
    "ecomai_commerce_customer.traits",
    "ecomai_commerce_event.properties",
    "ecomai_commerce_event.query",
    "ecomai_commerce_order.external_id",
    "ecomai_commerce_rejectedrow.payload",
    "ecomai_fusion_consentrecord.proof",
    "ecomai_fusion_entityvector.entity_id",
    "ecomai_fusion_fact.entity_id",
    "ecomai_fusion_sessionlink.session_id",
    "ecomai_recommendations_answer.session_id",
    "ecomai_registry_auditentry.details",
    "ecomai_registry_job.arguments",
    "ecomai_registry_job.traceback",
    "ecomai_registry_labellingtask.text",
    "ecomai_registry_modelversion.card",
    "django_admin_log.object_repr",
    "django_session.session_key",
]


@pytest.fixture
def folder(settings, tmp_path):
    settings.ECOMAI = {"REGISTRY": {"FOLDER": tmp_path / "var"}}
    (tmp_path / "var").mkdir()
    cache.clear()
    return tmp_path / "var"


@pytest.fixture
def marker(folder):
    return f"mark{uuid4().hex}"


def erase(external_id, **kwargs):
    return services.erase_customer(storefront="", external_id=external_id, **kwargs)


def test_after_an_erasure_no_table_file_or_cache_holds_the_marker(marker, folder):
    customer = plant_everywhere(marker)
    before = traces_of(marker, folder)
    for place in PLANTED:
        assert place in before, f"{place} is no proof, because nothing was planted there"
    assert any("artifacts" in place for place in before)

    receipt = erase(customer.external_id)

    assert traces_of(marker, folder) == []
    assert receipt.state == ErasureRequest.State.DONE
    assert receipt.report["commerce.events"]["events"] >= 6


def test_what_is_others_stays_untouched(marker, folder):
    other = plant_everywhere(f"other{uuid4().hex}")
    counted = [Event, Order, RejectedRow, Customer]
    before = [model.objects.count() for model in counted]
    known = services.export_customer(storefront="", external_id=other.external_id)
    RejectedRow.objects.all()
    commerce.upsert_customers([{"external_id": f"c-{marker}"}])
    commerce.ingest_events([{"type": "view", "item_id": "17", "customer_id": f"c-{marker}"}])
    erase(f"c-{marker}")
    assert [model.objects.count() for model in counted] == before
    again = services.export_customer(storefront="", external_id=other.external_id)
    assert {**again, "exported_at": ""} == {**known, "exported_at": ""}


def test_orders_stay_with_their_sums_and_lead_to_nobody(marker, folder):
    customer = plant_everywhere(marker)
    erase(customer.external_id)
    orders = Order.objects.order_by("pk")
    assert [(order.customer, order.session_id, order.lines.count()) for order in orders] == [
        (None, "", 1)
    ] * 3
    numbers = [order.external_id for order in orders]
    assert {"o-1001", "o-1002"} < set(numbers), "the shop sends returns under the order's number"
    assert sum(number.startswith("erased-") for number in numbers) == 1


def test_the_receipt_holds_a_hash_that_only_the_id_proves(marker, folder):
    customer = plant_everywhere(marker)
    receipt = erase(customer.external_id)
    subject = selectors.find_subject(storefront="", external_id=customer.external_id)
    assert receipt.subject_digest == subject.digest
    assert subject.customer_pk is None
    assert AuditEntry.objects.filter(
        action="erase_customer", subject=f"customer:{subject.digest[:12]}"
    ).exists()


def test_a_second_erasure_finds_nothing_more(marker, folder):
    customer = plant_everywhere(marker)
    first = erase(customer.external_id)
    second = erase(customer.external_id)
    assert second.pk != first.pk
    assert sum(n for counts in second.report.values() for n in counts.values()) == 0


def test_an_unknown_customer_is_erased_too_because_bad_rows_may_name_one(folder):
    commerce.ingest_events([{"type": "view", "item_id": "no such item", "customer_id": "never-seen-1"}])
    assert RejectedRow.objects.count() == 1
    Customer.objects.filter(external_id="never-seen-1").delete()
    assert erase("never-seen-1").report["commerce.rejected_rows"] == {"rejected_rows": 1}


def test_a_short_id_takes_nothing_that_only_looks_like_it(folder):
    """Customer 17 is not item 17, nor 17 pieces."""
    commerce.upsert_customers([{"external_id": "17"}])
    commerce.ingest_events(
        [
            {"type": "view", "item_id": "none", "quantity": 17},
            {"type": "view", "item_id": "none", "customer_id": "17"},
            {"type": "view", "item_id": "none", "customer_id": "170"},
        ]
    )
    job = Job.objects.create(kind="toy", arguments={"items": ["17"], "n": 17, "customer_ids": ["17", "18"]})
    erase("17")
    job.refresh_from_db()
    assert job.arguments == {"items": ["17"], "n": 17, "customer_ids": ["[erased]", "18"]}
    assert sorted(row.payload.get("customer_id", "") for row in RejectedRow.objects.all()) == ["", "170"]


def test_a_shared_session_stays_where_another_customer_was_seen_in_it(anna, folder):
    rows = [
        {"type": "view", "item_id": "17", "session_id": "shared-0001", "customer_id": "anna"},
        {"type": "view", "item_id": "17", "session_id": "shared-0001", "customer_id": "bert"},
        {"type": "view", "item_id": "18", "session_id": "shared-0001"},
    ]
    commerce.ingest_events(rows)
    erase("anna")
    assert sorted(str(event.customer) for event in Event.objects.all()) == ["None", "bert"]


@pytest.fixture
def host_eraser():
    """Registers an eraser of a host's app, which fails as long as `FAILING["on"]`."""
    host_app.FAILING["on"] = True
    yield lambda function: registration.register_eraser(
        "host.things", f"{host_app.__name__}.{function.__name__}"
    )
    registration.unregister("host.things")


def test_a_failing_eraser_keeps_the_customer_and_a_second_call_completes(marker, folder, host_eraser, caplog):
    host_eraser(host_app.failing_eraser)
    customer = plant_everywhere(marker)
    with pytest.raises(ErasureIncompleteError) as failed:
        erase(customer.external_id)
    assert "host.things" in str(failed.value)
    assert "host.things" in caplog.text
    assert marker not in caplog.text
    receipt = ErasureRequest.objects.get()
    assert (receipt.state, receipt.error_message) == ("failed", "host.things: ValueError\n")
    assert Customer.objects.filter(pk=customer.pk).exists(), "all else is found by this row"
    assert not Event.objects.filter(customer=customer).exists(), "one room's fault must not keep the others"

    host_app.FAILING["on"] = False
    assert erase(customer.external_id).pk == receipt.pk
    assert traces_of(marker, folder) == []
    receipt.refresh_from_db()
    assert (receipt.state, receipt.error_message) == ("done", "")
    assert receipt.report["host.things"] == {"things": 1}


def test_a_killed_erasure_is_completed_by_the_next_call_and_counts_once(marker, folder, host_eraser):
    host_eraser(host_app.dying_eraser)
    customer = plant_everywhere(marker)
    with pytest.raises(KeyboardInterrupt):
        erase(customer.external_id)
    assert ErasureRequest.objects.get().state == ErasureRequest.State.RUNNING
    host_app.FAILING["on"] = False
    erase(customer.external_id)
    assert traces_of(marker, folder) == []
    assert set(RetrainMark.objects.values_list("n_customers", flat=True)) == {1}


def test_versions_and_trainings_that_learned_from_the_customer_wait_for_a_retrain(anna, folder):
    def version(number, start, end, state=ModelVersion.State.RETIRED):
        return ModelVersion.objects.create(
            model_name="toy.model", number=number, artifact_path=f"x{number}", artifact_digest=f"{number}",
            window_start=start, window_end=end, state=state,
        )  # fmt: skip

    now = timezone.now()
    version(1, now.replace(year=2001), now.replace(year=2002))
    live = version(2, now.replace(year=2002), now, ModelVersion.State.LIVE)
    commerce.ingest_events(
        [{"type": "view", "item_id": "17", "customer_id": "anna", "occurred_at": now.replace(year=2020)}]
    )
    erase("anna")
    assert [mark.version.number for mark in RetrainMark.objects.all()] == [2]
    assert list(selectors.versions_to_retrain()) == [live]


def frozen_run(state, **arguments):
    """A run whose folder holds a snapshot of everything."""
    job = Job.objects.create(kind="training", state=state, arguments=arguments)
    run = TrainingRun.objects.create(model_name="toy.model", job=job)
    if not arguments:
        freeze(run_folder(run) / "snapshot", cutoff=timezone.now())
    return run


def test_snapshots_name_nobody_and_those_of_ended_runs_go(marker, folder):
    customer = plant_in_shop(marker)
    ended, running = frozen_run(Job.State.CANCELLED), frozen_run(Job.State.RUNNING)
    repeated = frozen_run(Job.State.FAILED)
    frozen_run(Job.State.RUNNING, folder_of=repeated.pk)
    assert [place for place in traces_of(marker, folder) if "runs" in place] == []
    erase(customer.external_id)
    assert not run_folder(ended).exists()
    assert (run_folder(running) / "snapshot").is_dir(), "a training under way ends first; it is marked"
    assert (run_folder(repeated) / "snapshot").is_dir(), "its retry is under way"
    assert running.retrain_mark.n_customers == 1


def test_the_permission_is_checked(anna, django_user_model):
    with pytest.raises(PermissionDeniedError):
        erase("anna", user=django_user_model.objects.create(username="clerk"))
    assert Customer.objects.filter(external_id="anna").exists()


def test_others_are_told_on_commit(anna, folder, django_capture_on_commit_callbacks):
    told = []
    signals.customer_erased.connect(
        lambda subject, **kwargs: told.append(subject), weak=False, dispatch_uid="t"
    )
    try:
        with django_capture_on_commit_callbacks(execute=True):
            erase("anna")
    finally:
        signals.customer_erased.disconnect(dispatch_uid="t")
    assert [(subject.external_id, subject.customer_pk) for subject in told] == [("anna", anna.pk)]


def test_the_command_erases_and_prints_the_receipt_without_the_id(marker, folder):
    customer = plant_everywhere(marker)
    out = StringIO()
    call_command("ecomai_erase_customer", customer.external_id, "--no-input", stdout=out)
    assert traces_of(marker, folder) == []
    assert marker not in out.getvalue()
    assert json.loads(out.getvalue())["removed"]["fusion.customer"]["customers"] == 1


def test_the_command_asks_first(anna, monkeypatch):
    monkeypatch.setattr("builtins.input", lambda prompt: "no")
    with pytest.raises(CommandError):
        call_command("ecomai_erase_customer", "anna")
    assert Customer.objects.filter(external_id="anna").exists()
