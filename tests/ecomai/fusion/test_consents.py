from datetime import timedelta

import pytest

from ecomai.exceptions import InvalidInputError
from ecomai.fusion import selectors, services, signals
from ecomai.fusion.models import ConsentRecord

from .conftest import NOON

pytestmark = pytest.mark.django_db


def answer(customer=None, *, is_granted=True, purpose="newsletter", hours=0, **kwargs):
    return services.record_consent(
        customer=customer,
        purpose=purpose,
        is_granted=is_granted,
        source="test",
        recorded_at=NOON + timedelta(hours=hours),
        **kwargs,
    )


def test_without_an_answer_nothing_is_allowed(anna):
    assert not services.has_consent(purpose="newsletter", customer=anna)


def test_the_shops_defaults_count_until_somebody_answers(anna, settings):
    settings.ECOMAI = {"FUSION": {"DEFAULT_CONSENT": {"newsletter": True, "*": False}}}
    assert services.has_consent(purpose="newsletter", customer=anna)
    assert not services.has_consent(purpose="profiling", customer=anna)
    answer(anna, is_granted=False)
    assert not services.has_consent(purpose="newsletter", customer=anna)


def test_the_last_answer_counts_and_the_past_stays_readable(anna, bert):
    answer(anna, is_granted=True)
    answer(anna, is_granted=False, hours=2)
    assert not services.has_consent(purpose="newsletter", customer=anna)
    assert services.has_consent(purpose="newsletter", customer=anna, as_of=NOON + timedelta(hours=1))
    assert not services.has_consent(purpose="newsletter", customer=bert, as_of=NOON + timedelta(hours=1))


def test_channels_are_separate_and_an_answer_for_all_counts_for_each(anna):
    answer(anna, channel="email")
    assert services.has_consent(purpose="newsletter", channel="email", customer=anna)
    assert not services.has_consent(purpose="newsletter", channel="sms", customer=anna)
    answer(anna, is_granted=False, hours=1)
    assert not services.has_consent(purpose="newsletter", channel="email", customer=anna)


def test_the_ledger_is_only_added_to(anna):
    record = answer(anna, proof={"wording": "v3", "language": "en"})
    record.is_granted = False
    with pytest.raises(TypeError):
        record.save()
    answer(anna, is_granted=False, hours=1)
    assert ConsentRecord.objects.count() == 2
    assert ConsentRecord.objects.get(is_granted=True).proof == {"wording": "v3", "language": "en"}


def test_an_answer_needs_somebody_and_a_purpose(anna):
    with pytest.raises(InvalidInputError):
        answer(None)
    with pytest.raises(InvalidInputError):
        answer(anna, purpose=" ")


def test_a_sessions_answer_is_that_sessions_only():
    answer(session_id="s-one-0001")
    assert services.has_consent(purpose="newsletter", session_id="s-one-0001")
    assert not services.has_consent(purpose="newsletter", session_id="s-two-0002")
    assert not services.has_consent(purpose="newsletter", session_id="s-one-0001", storefront="de")


def test_a_later_answer_elsewhere_is_not_undone_by_linking_an_older_session(anna):
    answer(session_id="s-one-0001", is_granted=True)
    answer(anna, is_granted=False, hours=1)
    services.link_session(session_id="s-one-0001", customer=anna)
    assert not services.has_consent(purpose="newsletter", customer=anna)


def test_what_counts_now_lists_answers_and_defaults(anna, settings):
    settings.ECOMAI = {"FUSION": {"DEFAULT_CONSENT": {"profiling": True, "newsletter": False, "*": False}}}
    answer(anna)
    answer(anna, channel="sms", is_granted=False)
    now = [
        (entry["purpose"], entry["channel"], entry["is_granted"], entry["source"])
        for entry in selectors.current_consents(customer=anna)
    ]
    assert now == [
        ("newsletter", "", True, "test"),
        ("newsletter", "sms", False, "test"),
        ("profiling", "", True, "default"),
    ]


def test_an_answer_is_told_on_commit(anna, django_capture_on_commit_callbacks):
    told = []
    signals.consent_recorded.connect(
        lambda record, **kwargs: told.append(record), weak=False, dispatch_uid="t"
    )
    try:
        with django_capture_on_commit_callbacks(execute=True):
            record = answer(anna)
            assert told == []
    finally:
        signals.consent_recorded.disconnect(dispatch_uid="t")
    assert told == [record]
