"""A small experiment, and visitors whose behaviour is known."""

import uuid
from datetime import datetime, timedelta
from decimal import Decimal

import pytest
from django.core.cache import cache
from django.utils import timezone

from ecomai import writing
from ecomai.commerce.models import Customer, Event
from ecomai.experiments import selectors, services
from ecomai.experiments.models import Experiment

SUBJECT = "recommendations:home"


@pytest.fixture(autouse=True)
def fresh():
    """What a process remembers of one test is no answer in the next."""
    cache.clear()
    selectors.forget_plans()
    yield
    writing.flush()
    selectors.forget_plans()


@pytest.fixture
def make_experiment(db):
    def make(slug="home-page", *, arms=(("today", 1), ("new", 1)), guard_rails=(), is_started=True, **fields):
        values = {"name": "Home page", "subject": SUBJECT, "unit": "session", "outcome_days": 1, **fields}
        experiment = Experiment.objects.create(slug=slug, salt="0123456789abcdef", **values)
        for place, (name, weight) in enumerate(arms):
            experiment.arms.create(
                name=name, weight=weight, is_control=place == 0, configuration={"pipeline": name}
            )
        for metric, allowed in guard_rails:
            experiment.guard_rails.create(metric=metric, allowed_loss=allowed)
        if is_started:
            experiment = services.start_experiment(experiment=experiment)
            selectors.forget_plans()
        return experiment

    return make


@pytest.fixture
def experiment(make_experiment):
    return make_experiment()


@pytest.fixture
def make_events(db):
    """`make_events("view", [session, ...], at)`: events of sessions, or of customers by their rows."""

    def make(kind, who, at: datetime, *, value=None, currency="EUR", order="", quantity=1):
        Event.objects.bulk_create(
            Event(
                key=uuid.uuid4(), type=kind, occurred_at=at, currency=currency, order_external_id=order,
                value=None if value is None else Decimal(value), quantity=quantity,
                session_id="" if isinstance(one, Customer) else one,
                customer=one if isinstance(one, Customer) else None,
            )
            for one in who
        )  # fmt: skip

    return make


@pytest.fixture
def expose(db):
    """Expose sessions as the shop would, at a moment of the past."""

    def see(session_ids, *, at=None, subject=SUBJECT):
        at = at or timezone.now() - timedelta(days=3)
        seen = {}
        for session_id in session_ids:
            assignment = services.assign(subject=subject, session_id=session_id, customer_id=session_id)
            if assignment is not None:
                services.log_exposure(assignment, at=at)
                seen.setdefault("held back" if assignment.is_holdout else assignment.arm, []).append(
                    session_id
                )
        writing.flush()
        return seen

    return see
