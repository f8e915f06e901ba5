"""Answers that were given, what visitors did with them, and who is rarely shown."""

from datetime import UTC, date, datetime, timedelta

import pytest
from django.utils import timezone

from ecomai.commerce.models import Event
from recommendations import catalogue as catalogues
from recommendations import exploring
from recommendations.models import (
    Answer,
    TailItem,
)
from recommendations.pipeline import exposure as exposing
from recommendations.services import exposure
from tests.recommendations.conftest import NOW

DAY = date(2026, 5, 31)
AT = datetime(2026, 5, 31, 10, tzinfo=UTC)


@pytest.fixture(autouse=True)
def nothing_remembered():
    exposing.forget()
    exploring.forget()
    yield
    exposing.forget()
    exploring.forget()


@pytest.fixture
def answer():
    def make(items, *, at=AT, placement="home", **fields) -> Answer:
        return Answer.objects.create(
            item_keys=[item.pk for item in items],
            source="popular",
            created_at=at,
            placement=placement,
            **fields,
        )

    return make


@pytest.fixture
def touch(add_event):
    def make(answer, item, type="impression") -> Event:
        days_ago = (NOW - answer.created_at - timedelta(minutes=1)) / timedelta(days=1)
        return add_event(item, type=type, days_ago=days_ago, properties={"answer": str(answer.key)})

    return make


def count(is_tail=frozenset()):
    exposure.count_day(DAY, is_tail=is_tail, now=NOW)


@pytest.fixture
def tail(shop):
    """The second half of the items is rarely shown, and none of them is new."""
    old = timezone.now() - timedelta(days=400)
    type(shop[0]).objects.update(listed_at=old, updated_at=timezone.now())
    catalogues.forget()
    TailItem.objects.bulk_create(
        TailItem(item=item, is_tail=at >= 6, potential=0.5) for at, item in enumerate(shop)
    )
    return {item.pk for item in shop[6:]}
