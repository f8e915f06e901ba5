"""States that are folded again equal those that were folded online, also when it is interrupted."""

from decimal import Decimal
from typing import Any

import pytest
from django.core.management import call_command
from django.utils import timezone

from ecomai.fusion.subjects import Subject
from risk import doctor
from risk.features import State
from risk.hashing import hash_entity
from risk.models import Assessment, EntityState, RebuiltState, StateRebuild
from risk.services import rebuilding, record_label
from risk.services.privacy import erase

pytestmark = pytest.mark.django_db


@pytest.fixture
def history(ask: Any) -> list[Assessment]:
    """A ring on two devices, strangers, frauds that became known and one that was none after all."""
    rows = [
        ask(f"o-{n}", customer_id=f"c-{n % 7}", device_id=f"device-{n % 2 if n % 7 < 4 else n % 7}",
            card_fingerprint=f"card-{n % 5}", email=f"p{n % 7}@shop.example", amount=Decimal(10 + n))
        for n in range(30)
    ]  # fmt: skip
    for number, is_fraud in ((3, True), (10, True), (3, False), (20, True)):
        record_label(assessment=rows[number], is_fraud=is_fraud, source="review")
    ask("late", customer_id="c-1", device_id="device-0")
    return rows


def states() -> dict[Any, Any]:
    return {
        row.pk: (row.storefront, row.kind, State.decode(bytes(row.state)))
        for row in EntityState.objects.all()
    }


@pytest.mark.parametrize("at_once", [1, 7, 2000])
def test_states_equal_those_folded_online(history: Any, at_once: int) -> None:
    before, features = states(), dict(Assessment.objects.values_list("pk", "features"))
    said: list[tuple[int, int]] = []
    n_done = rebuilding.rebuild_states(at_once=at_once, progress=lambda *each: said.append(each))
    assert n_done == 31 + 4
    assert said[-1] == (35, 35)
    assert states() == before
    assert dict(Assessment.objects.values_list("pk", "features")) == features
    assert not RebuiltState.objects.exists()


def test_it_goes_on_where_it_was_interrupted(history: Any, ask: Any) -> None:
    before = states()
    rebuild = rebuilding._current()
    for _part in range(3):
        assert rebuilding._fold_some(rebuild.pk, until=None, at_once=5) == 5
    ask("meanwhile", customer_id="c-2", device_id="device-1")
    assert rebuilding.rebuild_states() == 36
    assert len(states()) >= len(before)
    assert StateRebuild.objects.get(pk=rebuild.pk).done_at is not None
    online = states()
    rebuilding.rebuild_states()
    assert states() == online


def test_after_another_key_customers_are_known_again_and_cards_are_not(
    history: Any, ask: Any, settings: Any
) -> None:
    rebuilding.note_first()
    assert doctor._states().is_ok
    settings.ECOMAI = {**settings.ECOMAI, "RISK": {"HASH_KEY": "another one"}}
    finding = doctor._states()
    assert not finding.is_ok
    assert "ecomai_rebuild_risk_states" in finding.remedy
    call_command("ecomai_rebuild_risk_states")
    assert doctor._states().is_ok
    known = EntityState.objects.get(pk=hash_entity("", "customer", "c-1"))
    assert State.decode(bytes(known.state)).n_events == 6
    assert not EntityState.objects.filter(pk=hash_entity("", "card", "card-1")).exists()
    row = ask("new", customer_id="c-1", device_id="device-0")
    from risk.features import FEATURE_NAMES

    values = dict(zip(FEATURE_NAMES, row.features, strict=True))
    assert values["customer_payments_90d"] == 6
    assert values["card_payments_90d"] == 0


def test_kept_features_of_another_version_become_todays(history: Any) -> None:
    features = dict(Assessment.objects.values_list("pk", "features"))
    Assessment.objects.update(features=[1.0], features_version=99)
    rebuilding.rebuild_states()
    assert dict(Assessment.objects.values_list("pk", "features")) == features
    assert not Assessment.objects.filter(features_version=99).exists()


def test_an_erasure_makes_a_rebuild_begin_anew(history: Any) -> None:
    rebuild = rebuilding._current()
    rebuilding._fold_some(rebuild.pk, until=None, at_once=20)
    erase(Subject(storefront="", external_id="c-1", customer_pk=None))
    rebuild.refresh_from_db()
    assert (rebuild.n_done, rebuild.at) == (0, None)
    assert not RebuiltState.objects.exists()
    rebuilding.rebuild_states()
    account = hash_entity("", "customer", "c-1")
    assert not any(account.bytes in state.accounts for _front, _kind, state in states().values())


def test_what_began_with_another_key_is_worth_nothing(history: Any, settings: Any) -> None:
    first = rebuilding._current()
    rebuilding._fold_some(first.pk, until=timezone.now(), at_once=20)
    settings.ECOMAI = {**settings.ECOMAI, "RISK": {"HASH_KEY": "another one"}}
    assert rebuilding._current().pk != first.pk
    assert not RebuiltState.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_questions_go_on_after_the_tables_changed_their_names(ask: Any) -> None:
    """Outside of a test's transaction: other connections have prepared what they ask of the tables."""
    for number in range(6):
        ask(f"o-{number}")
        if number in (2, 4):
            online = states()
            rebuilding.rebuild_states(at_once=2)
            assert states() == online
    assert Assessment.objects.filter(features_version=0).count() == 0
    known = EntityState.objects.get(pk=hash_entity("", "customer", "c-1"))
    assert State.decode(bytes(known.state)).n_events == 6
