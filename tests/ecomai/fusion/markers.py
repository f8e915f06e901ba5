"""Plants a unique marker wherever the shop or a visitor can write, and looks for it everywhere.

A scenario extends the proof by a module `planting.py` beside its tests (`tests/<scenario>/planting.py`) with
`plant(marker: str, customer: Customer) -> None`, which writes the marker into that scenario's own tables.
"""

import importlib.util
import json
import pickle
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import numpy as np
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.contenttypes.models import ContentType
from django.contrib.sessions.models import Session
from django.core.cache import caches
from django.db import connection
from django.utils import timezone

from ecomai import scenarios
from ecomai.commerce import services as commerce
from ecomai.commerce.models import Customer, ImportCheckpoint
from ecomai.fusion import services
from ecomai.fusion.vectors import store_vectors
from ecomai.registry.app_settings import registry_settings
from ecomai.registry.artifacts import open_artifact, store_artifact
from ecomai.registry.models import AuditEntry, Job, LabellingTask, ModelVersion, TrainingRun
from ecomai.registry.runs import run_folder


def plant_everywhere(marker: str) -> Customer:
    """Make a customer with the marker in every input; the id is the marker with a letter before it."""
    customer = plant_in_shop(marker)
    plant_in_fusion(marker, customer)
    plant_in_registry(marker)
    plant_in_django(marker, customer)
    for scenario in scenarios.installed():
        name = f"tests.{scenario.name}.planting"
        if importlib.util.find_spec(f"tests.{scenario.name}") and importlib.util.find_spec(name):
            importlib.import_module(name).plant(marker, customer)
    return customer


def plant_in_shop(marker: str) -> Customer:
    customer_id, session_id = f"c-{marker}", f"s-{marker}"
    yesterday = timezone.now() - timedelta(days=1)
    commerce.upsert_customers(
        [{"external_id": customer_id, "country": "DE", "traits": {"nickname": marker, "tags": [marker]}}]
    )
    events = [
        {
            "type": "search",
            "query": f"shoes for {marker}",
            "customer_id": customer_id,
            "properties": {"ref": marker},
        },
        {"type": "view", "item_id": "17", "session_id": session_id, "key": f"key-{marker}"},
        {"type": "cart", "item_id": "17", "session_id": session_id, "properties": {"note": [{"by": marker}]}},
        {"type": "message_open", "customer_id": customer_id, "order_id": f"{customer_id}-0003"},
    ]
    results = commerce.ingest_events([{**event, "occurred_at": yesterday} for event in events])
    assert {result.status for result in results} == {"accepted"}
    order = {
        "currency": "EUR",
        "placed_at": yesterday,
        "lines": [{"position": 1, "item_id": "17", "unit_price": "9"}],
    }
    results = commerce.upsert_orders(
        [
            {**order, "external_id": "o-1001", "customer_id": customer_id},
            {**order, "external_id": f"{customer_id}-0003", "customer_id": customer_id},
            {**order, "external_id": "o-1002", "session_id": session_id},
        ]
    )
    assert {result.status for result in results} == {"accepted"}
    bad = [
        {"type": "view", "item_id": "no such item", "customer_id": customer_id},
        {"type": "view", "item_id": "no such item", "properties": {"session": session_id}},
    ]
    assert {result.status for result in commerce.ingest_events(bad)} == {"rejected"}
    commerce.upsert_customers([{"external_id": customer_id, "traits": "not an object"}])
    ImportCheckpoint.objects.create(source="customers.csv", summary={"last_customer": customer_id})
    return Customer.objects.get(external_id=customer_id)


def plant_in_fusion(marker: str, customer: Customer) -> None:
    session_id = f"s-{marker}"
    services.record_consent(
        purpose="newsletter",
        is_granted=True,
        source=f"form {marker}",
        customer=customer,
        proof={"ip": marker},
    )
    services.record_consent(purpose="profiling", is_granted=True, source="banner", session_id=session_id)
    services.link_session(session_id=session_id, customer=customer)
    services.publish_facts(name="toy.churn", values={customer.external_id: 0.7})
    store_vectors(entity="customer", encoder="mini@1", vectors={customer.external_id: np.ones(3)})


def plant_in_registry(marker: str) -> None:
    customer_id = f"c-{marker}"
    job = Job.objects.create(
        kind="toy",
        label=f"Score {customer_id}",
        arguments={"customer_id": customer_id, "deep": [{"sessions": [f"s-{marker}"]}]},
        result={customer_id: 1},
        state=Job.State.FAILED,
        error_message=f"No history for {customer_id}.",
        traceback=f"KeyError: '{customer_id}'",
        progress_message=f"Reading {customer_id}",
    )
    run = TrainingRun.objects.create(
        model_name="toy.model", job=job, hyperparameters={"holdout": [customer_id]}
    )
    folder = run_folder(run)
    folder.mkdir(parents=True)
    (folder / "state.json").write_text(json.dumps({"done": [customer_id]}))
    running = TrainingRun.objects.create(
        model_name="toy.model", job=Job.objects.create(kind="toy", state=Job.State.RUNNING)
    )
    run_folder(running).mkdir()
    (run_folder(running) / "state.json").write_text(json.dumps({"done": [customer_id], "seed": 1}))
    (run_folder(running) / "log.txt").write_text(f"skipped {customer_id}\n")
    LabellingTask.objects.create(
        model_name="toy.model", subject_key=f"customer:{customer_id}", text="Where is it?", context={}
    )
    LabellingTask.objects.create(
        model_name="toy.model",
        subject_key="2",
        text=f"I am {customer_id}",
        context={"session": f"s-{marker}"},
    )
    AuditEntry.objects.create(
        action="look",
        subject=f"customer:{customer_id}",
        actor_label="staff",
        details={"customer": customer_id},
    )
    plant_artifact(customer_id)


def plant_artifact(customer_id: str) -> ModelVersion:
    """A version whose files name the customer, which none of ours do but a host's may."""
    folder = Path(registry_settings.FOLDER) / "candidate"
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps({"customers": [customer_id]}))
    stored = store_artifact(folder, model_name="toy.model", number=1, kind="toy")
    (folder / "config.json").unlink()
    folder.rmdir()
    version = ModelVersion.objects.create(
        model_name="toy.model",
        number=1,
        artifact_path=stored.path,
        artifact_digest=stored.digest,
        state=ModelVersion.State.LIVE,
        card={"examples": [customer_id]},
        window_end=timezone.now(),
    )
    open_artifact(version)
    return version


def plant_in_django(marker: str, customer: Customer) -> None:
    Session.objects.create(
        session_key=f"s-{marker}"[:40], session_data="", expire_date=timezone.now() + timedelta(days=1)
    )
    content_type = ContentType.objects.get_for_model(Customer)
    user_id = _staff().pk
    for object_repr, message in [(str(customer), "looked"), ("someone", f"exported {customer.external_id}")]:
        LogEntry.objects.create(
            user_id=user_id, content_type=content_type, object_id=str(customer.pk), object_repr=object_repr,
            action_flag=CHANGE, change_message=message,
        )  # fmt: skip


def _staff():
    from django.contrib.auth import get_user_model

    return get_user_model().objects.get_or_create(username="staff")[0]


def traces_of(marker: str, *folders: Path) -> list[str]:
    """Return where the marker is found: `table.column`, a file's path or a cache's key."""
    return [*_in_tables(marker), *_in_files(marker, folders), *_in_caches(marker)]


def _in_tables(marker: str) -> Iterator[str]:
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f"SELECT * FROM {connection.ops.quote_name(table)}")
            columns = [column[0] for column in cursor.description]
            for row in cursor.fetchall():
                yield from (
                    f"{table}.{name}" for name, value in zip(columns, row, strict=True) if _has(value, marker)
                )


def _has(value: object, marker: str) -> bool:
    if isinstance(value, bytes | memoryview):
        return marker.encode() in bytes(value)
    return marker in str(value)


def _in_files(marker: str, folders: tuple[Path, ...]) -> Iterator[str]:
    for folder in folders:
        for path in folder.rglob("*"):
            if marker in path.name or (path.is_file() and marker.encode() in path.read_bytes()):
                yield str(path)


def _in_caches(marker: str) -> Iterator[str]:
    for cache in caches.all():
        for key, value in getattr(cache, "_cache", {}).items():
            if marker in key or marker in repr(pickle.loads(value)):
                yield f"cache {key}"
