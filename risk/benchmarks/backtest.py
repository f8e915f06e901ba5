"""`backtest`: how long 20 rules take over 100,000 past orders, from the table to the report."""

import ipaddress
import math
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from django.utils import timezone

from ecomai.benchmarking import Report
from ecomai.benchmarking.scratch import scratch_shop
from ecomai.capabilities import RiskQuestion
from ecomai.conditions import ConditionError
from ecomai.exceptions import InvalidInputError
from ecomai.registry.jobs import execute_job

from ..backtesting.deciding import Decider, names_of
from ..backtesting.jobs import start_backtest
from ..backtesting.past import past_tables
from ..features import FEATURES_VERSION, Moment, replay
from ..models import AnsweredBy, Assessment, Decision, Kind, ListEntry, Rule
from ..normalising import event_of, prepare
from ..scorecard import STARTER
from ..services.lists import import_entries
from ..services.policies import current_policy
from ..services.rules import compile_rule

FILE = "fraud_data_sample_51689.csv.gz"
N_ORDERS, N_LISTED, N_SAMPLE, ROWS_AT_ONCE = 100_000, 20_000, 1_000, 2_000
#: Twenty rules such as a shop has: amounts, velocity, lists, words, arithmetic.
RULES = (
    '"block" in lists', 'customer_list == "allow"', "amount > 120 and account_age_days < 1",
    "device_payments_24h >= 2", "device_accounts >= 2", "ip_payments_1h >= 1 and amount > 20",
    "network_payments_24h >= 3 or network_accounts >= 3", "fraud_distance <= 1", "circle_size >= 3",
    "probability > 0.3", "probability > 0.1 and amount * probability > 10",
    "amount / (account_age_days + 1) > 40", "hour in [0, 1, 2, 3] and account_age_days < 0.01",
    'properties["source"] == "Ads" and properties["browser"] == "Opera"', 'currency != "USD"',
    "amount - 30 > 50 and weekday >= 5", 'email_domain_list == "block" or device_list == "watch"',
    "not (account_age_days > 30) and device_payments_90d > 0", "amount >= 35 and amount <= 36.5",
    "device_fraud_30d > 0 or customer_fraud_ever > 0 or ip_fraud_30d > 0",
)  # fmt: skip
ACTIONS = (Rule.Action.DECLINE, Rule.Action.APPROVE, Rule.Action.REVIEW, Rule.Action.NOTE)


def backtest(data: Path, *, device: str, seed: int, report: Report) -> dict[str, Any]:
    """Store orders of a folder as past assessments, and back-test 20 drafts on all of them, as the job does.

    The peer asks each rule about each order by itself; it is measured on a part and scaled. Where both
    disagree on that part, RuntimeError is raised.
    """
    with scratch_shop("backtest"):
        report(0.0, "orders")
        _plant_orders(data, seed=seed, report=report)
        _plant_lists()
        rules = _plant_rules()
        report(0.7, "back-test")
        first, last = (Assessment.objects.order_by(by).values_list("received_at", flat=True)[0]
                       for by in ("received_at", "-received_at"))  # fmt: skip
        test = start_backtest(
            kind=Kind.PAYMENT_FRAUD.value, configuration={"rules": [rule.pk for rule in rules]},
            period_start=first, period_end=last + timedelta(seconds=1),
        )  # fmt: skip
        started = time.perf_counter()
        execute_job(test.job_id or 0)
        seconds = time.perf_counter() - started
        test.refresh_from_db()
        if not test.report:
            raise RuntimeError(test.job.error_message if test.job else "The job is gone.")
        report(0.9, "one by one")
        peer = _one_by_one(rules, first, last)
    n_orders = test.report["n_assessments"]
    return {
        "metrics": {
            "seconds": round(seconds, 2),
            "per_second": round(n_orders / seconds),
        },
        "rows": {},
        "splits": {},
        "peers": {"one_by_one": {"seconds": round(peer, 1)}},
        "settings": {
            "n_orders": n_orders, "n_rules": len(rules), "n_listed": N_LISTED, "peer_measured_on": N_SAMPLE,
            "n_hits": sum(rule["n_hits"] for rule in test.report["rules"]),
            "n_fraud": test.report["n_fraud"],
        },
    }  # fmt: skip


def _plant_orders(data: Path, *, seed: int, report: Report) -> None:
    """Store the folder's purchases by time, again and again until there are enough, with true features."""
    path = data / FILE
    if not path.is_file():
        raise InvalidInputError(reason=f"{FILE} is missing in {data.name}.")
    table = pd.read_csv(path, parse_dates=["signup_time", "purchase_time"]).rename(columns={"class": "label"})
    table = table.sort_values("purchase_time")
    rows = islice(_assessments(table, seed), N_ORDERS)
    waiting: dict[int, Assessment] = {}
    n_stored = 0

    def moments() -> Iterator[Moment]:
        for place, row in enumerate(rows):
            waiting[place] = row
            yield Moment(place, event_of(row))

    batch = []
    for place, vector in replay(moments()):
        row = waiting.pop(place)
        row.features = [None if math.isnan(value) else value for value in vector]
        row.features_version = FEATURES_VERSION
        row.probability = STARTER.probability(row.features)
        batch.append(row)
        if len(batch) == ROWS_AT_ONCE:
            Assessment.objects.bulk_create(batch)
            n_stored, batch = n_stored + len(batch), []
            report(0.65 * n_stored / N_ORDERS, "orders")
    Assessment.objects.bulk_create(batch)


def _assessments(table: pd.DataFrame, seed: int) -> Iterator[Assessment]:
    draw = np.random.default_rng(seed)
    span = table.purchase_time.max() - table.purchase_time.min() + pd.Timedelta(days=1)
    # The newest order is a year old: what nobody complained of was honest.
    shift = pd.Timestamp(timezone.now() - timedelta(days=365)).tz_localize(None) - table.purchase_time.max()
    for turn in range(N_ORDERS // len(table) + 1):
        moved = shift + (turn - 1) * span
        for line in table.itertuples():
            yield _assessment(line, turn, moved, domain=f"mail{draw.integers(500)}.example")


def _assessment(line: Any, turn: int, moved: pd.Timedelta, *, domain: str) -> Assessment:
    at = (line.purchase_time + moved).to_pydatetime().replace(tzinfo=UTC)
    since: datetime = (line.signup_time + moved).to_pydatetime().replace(tzinfo=UTC)
    address = "" if pd.isna(line.ip_address) else str(ipaddress.ip_address(int(line.ip_address)))
    customer = f"{line.user_id}-{turn}"
    question = RiskQuestion(
        kind="payment_fraud", external_id=customer, customer_id=customer, occurred_at=at,
        amount=Decimal(line.purchase_value), currency="EUR", device_id=line.device_id, ip_address=address,
        email=f"user{line.user_id}@{domain}", customer_since=since,
        properties={"source": line.source, "browser": line.browser},
    )  # fmt: skip
    row = prepare(question)
    row.received_at, row.is_fraud = at, True if line.label == 1 else None
    row.decision = row.wanted_decision = Decision.APPROVE
    row.answered_by = AnsweredBy.SIMPLE_MODEL
    return row


def _plant_lists() -> None:
    emails = (f"block,email_domain,mail{n}.example\n" for n in range(20))
    customers = Assessment.objects.order_by("pk").values_list("customer_external_id", flat=True)
    allowed = (f"allow,customer,{each}\n" for each in customers[: N_LISTED - 20].iterator())
    import_entries(["list,kind,value\n", *emails, *allowed])
    # They were on their lists before the first order.
    ListEntry.objects.update(created_at=datetime(2000, 1, 1, tzinfo=UTC))


def _plant_rules() -> list[Rule]:
    kinds = [Kind.PAYMENT_FRAUD.value]
    return [
        Rule.objects.create(
            name=f"Rule {place:02}",
            condition=condition,
            kinds=kinds,
            action=ACTIONS[place % 4],
            order=place,
            reason="A reason.",
        )
        for place, condition in enumerate(RULES)
    ]


def _one_by_one(rules: list[Rule], first: datetime, last: datetime) -> float:
    """Return how long asking row by row takes for all orders; what it says must be what columns say."""
    compiled = [compile_rule(rule, is_live=True) for rule in rules]
    tables = past_tables(
        kind=Kind.PAYMENT_FRAUD, storefront="", start=first, end=last, names=names_of(compiled),
        most=N_SAMPLE, newest_first=True,
    )  # fmt: skip
    table = next(tables)
    decider = Decider(compiled, current_policy(storefront="", kind=Kind.PAYMENT_FRAUD))
    decider.decide(table, table.labels)
    started = time.perf_counter()
    n_hits = sum(
        _is_met(rule.condition, facts) for facts in map(table.facts, range(table.n_rows)) for rule in compiled
    )
    seconds = time.perf_counter() - started
    if n_hits != sum(count.n_hits for count in decider.counts.values()):
        raise RuntimeError("Asked one by one, rules say something else than asked by column.")
    return seconds * N_ORDERS / table.n_rows


def _is_met(condition: Any, facts: Any) -> bool:
    try:
        return bool(condition.is_met(facts))
    except ConditionError:
        return False
