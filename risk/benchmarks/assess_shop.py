"""A shop with a million assessments and the states of all that they name, made at once."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from uuid import UUID

import numpy as np
from django.db import connection
from django.utils import timezone

from ecomai.benchmarking import Report
from ecomai.registry.artifacts import store_artifact
from ecomai.registry.models import ModelVersion
from ecomai.registry.services import go_live, promote_version

from ..features import CODES, FEATURE_NAMES, FEATURES_VERSION, RiskEvent, State, fold, vector
from ..hashing import hash_entity
from ..models import Assessment, EntityState
from ..services import change_policy
from ..services import go_live as put_policy_live

N_TEMPLATES = 64
#: How many events of the longest past; half the entities have had one.
LONGEST = 400
#: Of a million events: how many different values of each kind there are.
SHARES = {
    "customer": 0.2, "card": 0.22, "device": 0.18, "address": 0.2, "email": 0.2, "ip": 0.15, "network": 0.02,
    "email_domain": 0.005,
}  # fmt: skip
DAYS = 365
_COLUMNS = (
    "storefront", "kind", "external_id", "digest", "customer_external_id", "session_id", "occurred_at",
    "received_at", "amount", "currency", "amount_reporting", "customer", "card", "device", "address", "email",
    "ip", "shown", "payload", "features", "features_version", "probability", "decision", "wanted_decision",
    "is_shadow", "reasons", "rules_fired", "answered_by", "latency_ms", "request_id", "is_fraud",
)  # fmt: skip


@dataclass(frozen=True)
class Past:
    """A few pasts that many entities share: their states, and the features of their last event."""

    states: list[bytes]
    features: list[list[float | None]]
    n_events: list[int]


def values_of(kind: str, n_events: int) -> list[str]:
    """The values that the planted shop knows of a kind of entity."""
    n_values = max(int(SHARES[kind] * n_events), 4)
    shapes = {
        "network": lambda n: f"10.{n // 250 % 250}.{n % 250}.0/24",
        "ip": lambda n: f"10.{n // 62_500 % 250}.{n // 250 % 250}.{n % 250 + 1}",
        "email": lambda n: f"p{n}@shop{n % 997}.example",
        "email_domain": lambda n: f"shop{n}.example",
    }
    make = shapes.get(kind, lambda n: f"{kind}{n}")
    return [make(number) for number in range(n_values)]


def plant_shop(n_events: int, *, seed: int, report: Report) -> None:
    """Write assessments and states by COPY, a live policy and a live model. On PostgreSQL."""
    past = make_past(seed)
    ids = {}
    for place, kind in enumerate(SHARES):
        report(0.05 + 0.02 * place, f"states of each {kind}")
        ids[kind] = [hash_entity("", kind, value) for value in values_of(kind, n_events)]
        _copy(
            EntityState, ("id", "storefront", "kind", "state", "updated_at"), _states(kind, ids[kind], past)
        )
    report(0.25, f"{n_events} assessments")
    _copy(Assessment, _COLUMNS, _assessments(n_events, ids, past, seed))
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    policy = change_policy(storefront="", kind="payment_fraud", based_on=0, time_budget_ms=200)
    put_policy_live(policy)


def make_past(seed: int) -> Past:
    """Fold histories of 1 to `LONGEST` events, of people who share some of what they use."""
    rng = np.random.default_rng(seed)
    states, features, counts = [], [], []
    now = timezone.now().timestamp()
    for _number in range(N_TEMPLATES):
        n_events = int(min(rng.zipf(1.6), LONGEST))
        named = {kind: State() for kind in SHARES}
        ages = np.sort(rng.uniform(0.01, DAYS, n_events))[::-1]
        for age in ages:
            keys = {kind: UUID(int=int(rng.integers(1, 2**62)) << 64).bytes for kind in SHARES}
            event = RiskEvent(
                at=now - float(age) * 86_400, code=CODES["payment_fraud"], keys=keys,
                amount=round(float(rng.lognormal(3.5, 1)), 2), hour=int(rng.integers(24)),
                categories=tuple(rng.integers(1, 2**31, 3).tolist()),
            )  # fmt: skip
            values = vector(named, event)
            fold(named, event)
        states.append(named["customer"].encode())
        features.append([None if value != value else round(value, 4) for value in values])
        counts.append(n_events)
    return Past(states, features, counts)


def put_model_live(past: Past, *, seed: int, report: Report) -> ModelVersion:
    """Train and serve a model of the usual size: how good it is costs the answer nothing."""
    from ecomai.learning.classifiers.boosted import BoostedClassifier
    from ecomai.learning.classifiers.ensemble import CalibratedEnsemble

    from ..features.vectors import as_row
    from ..training.scorecards import fit_scorecard
    from ..training.tabular import typical_row, write_artifact

    report(0.6, "the model")
    rng = np.random.default_rng(seed)
    rows = np.stack([as_row(past.features[n % N_TEMPLATES]) for n in range(6000)])
    noise = rng.uniform(0.5, 1.5, rows.shape)
    rows = np.where(np.isnan(rows), rng.exponential(1.0, rows.shape), rows * noise).astype(np.float32)
    sums = np.log1p(np.abs(rows)).sum(axis=1)
    y = (sums + rng.normal(0, sums.std(), len(sums)) > np.quantile(sums, 0.9)).astype(np.int64)
    trees = BoostedClassifier(random_state=seed).fit(rows[:4000], y[:4000], feature_names=FEATURE_NAMES)
    ensemble = CalibratedEnsemble().fit(trees.decision_function(rows[4000:])[:, None], y[4000:])
    with TemporaryDirectory() as folder:
        typical = typical_row(rows, y, slice(0, 4000))
        files = write_artifact(Path(folder), trees, ensemble, typical, fit_scorecard(rows[:4000], y[:4000]))
        name = "risk.payment_fraud"
        stored = store_artifact(files, model_name=name, number=1, kind="tabular_classifier")
    version = ModelVersion.objects.create(
        model_name=name, number=1, artifact_path=stored.path, artifact_digest=stored.digest,
        artifact_bytes=stored.n_bytes,
    )  # fmt: skip
    promote_version(version=version)
    go_live(model_name=name)
    return version


def _states(kind: str, ids: list[UUID], past: Past) -> Iterator[tuple]:
    now = timezone.now()
    for number, pk in enumerate(ids):
        yield pk, "", kind, past.states[number % N_TEMPLATES], now


def _assessments(n_events: int, ids: dict[str, list[UUID]], past: Past, seed: int) -> Iterator[tuple]:
    """The newest last, at even steps through the year."""
    rng = np.random.default_rng(seed)
    chosen = {kind: rng.integers(0, len(each), n_events).tolist() for kind, each in ids.items()}
    features = [json.dumps(each) for each in past.features]
    line = {"item_id": "i-1", "category": "c", "quantity": 1, "unit_price": "9.90"}
    payload = json.dumps({
        "hour": 12, "country": 1, "categories": [1, 2, 3],
        "numbers": {"hour": 12.0, "weekday": 1.0, "n_lines": 3.0},
        "lines": [line] * 3,
    })  # fmt: skip
    reasons = json.dumps([{"code": "amount", "weight": 0.4, "number": 49.9}])
    begin, step = datetime.now(UTC) - timedelta(days=DAYS), timedelta(days=DAYS) / n_events
    linked = ("customer", "card", "device", "address", "email", "ip")
    for number in range(n_events):
        at = begin + number * step
        keys = [ids[kind][chosen[kind][number]] for kind in linked]
        yield (
            "", "payment_fraud", f"past-{number}", "0" * 64, f"customer{chosen['customer'][number]}",
            "", at, at, 49.9, "EUR", 49.9, *keys,
            '{"network": "10.0.0.0/24"}', payload, features[number % N_TEMPLATES],
            FEATURES_VERSION, 0.01, "approve", "approve", False, reasons, "[]", "model", 3.0, "",
            True if number % 200 == 0 else None,
        )  # fmt: skip


def _copy(model: Any, columns: tuple[str, ...], rows: Iterator[tuple]) -> None:
    names = ", ".join(f'"{name}"' for name in columns)
    with (
        connection.cursor() as cursor,
        cursor.copy(f'COPY "{model._meta.db_table}" ({names}) FROM STDIN') as copy,
    ):
        for row in rows:
            copy.write_row(row)
