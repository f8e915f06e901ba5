"""Intents are learned of their own accord once the shop has phrases of its own."""

import pytest

from support_bot.models import Intent, IntentExample
from support_bot.readiness import LEAST_PHRASES, intents

pytestmark = pytest.mark.django_db


def test_shipped_phrases_and_those_out_of_use_do_not_count():
    used, unused = (Intent.objects.create(name=f"i{n}", title="x", is_active=n == 0) for n in range(2))
    for n in range(LEAST_PHRASES):
        IntentExample.objects.create(intent=used, text=f"{n}", source=IntentExample.Source.STARTER)
        IntentExample.objects.create(intent=unused, text=f"{n}")
    (readiness,) = intents()
    assert (readiness.have, readiness.is_enough) == (0, False)
    for n in range(LEAST_PHRASES):
        IntentExample.objects.create(intent=used, text=f"own {n}")
    assert intents()[0].is_enough
