from datetime import timedelta

import pytest
from django.utils import timezone

from ecomai.exceptions import NotFoundError
from ecomai.fusion import services
from ecomai.fusion.exceptions import FactTypeError, PurposeNotAllowedError
from ecomai.fusion.models import Fact
from ecomai.fusion.tasks import delete_old_facts

from .conftest import NOON

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("toy_scenario")]


def read_churn(entity_id="anna", **kwargs):
    return services.read_fact(name="toy.churn", entity_id=entity_id, purpose="marketing", **kwargs)


def test_a_published_fact_is_read_for_its_purpose():
    services.publish_facts(name="toy.churn", values={"anna": 0.9}, model_version=3)
    assert read_churn() == 0.9


def test_an_absent_fact_is_neutral():
    assert read_churn("nobody") == 0.5


def test_a_purpose_that_the_fact_does_not_serve_is_refused_with_a_code():
    with pytest.raises(PurposeNotAllowedError) as refused:
        services.read_fact(name="toy.churn", entity_id="anna", purpose="risk")
    assert refused.value.code == "purpose_not_allowed"
    assert "marketing" in str(refused.value)


def test_one_forbidden_fact_among_several_refuses_all():
    with pytest.raises(PurposeNotAllowedError):
        services.read_facts(
            names=["toy.stock_days", "toy.churn"], entity_ids=["17"], purpose="recommendations"
        )


def test_an_undeclared_fact_is_neither_published_nor_read():
    with pytest.raises(NotFoundError):
        services.publish_facts(name="toy.unknown", values={"anna": 1})
    with pytest.raises(NotFoundError):
        services.read_fact(name="toy.unknown", entity_id="anna", purpose="marketing")


@pytest.mark.parametrize("value", ["high", True, float("nan"), float("inf"), None])
def test_a_value_of_another_type_publishes_nothing(value):
    with pytest.raises(FactTypeError):
        services.publish_facts(name="toy.churn", values={"anna": 0.1, "bert": value})
    assert not Fact.objects.exists()


def test_a_fact_expires_after_its_time_to_live():
    services.publish_facts(name="toy.churn", values={"anna": 0.9}, published_at=NOON)
    assert read_churn(as_of=NOON + timedelta(days=7) - timedelta(seconds=1)) == 0.9
    assert read_churn(as_of=NOON + timedelta(days=7)) == 0.5


def test_the_past_is_read_as_it_was_known():
    services.publish_facts(name="toy.churn", values={"anna": 0.1}, published_at=NOON)
    services.publish_facts(name="toy.churn", values={"anna": 0.8}, published_at=NOON + timedelta(days=1))
    assert read_churn(as_of=NOON - timedelta(seconds=1)) == 0.5
    assert read_churn(as_of=NOON + timedelta(hours=23)) == 0.1
    assert read_churn(as_of=NOON + timedelta(days=1)) == 0.8


def test_storefronts_do_not_share_facts():
    services.publish_facts(name="toy.churn", values={"anna": 0.9}, storefront="de")
    assert read_churn() == 0.5
    assert read_churn(storefront="de") == 0.9


def test_many_facts_are_published_and_read_in_few_queries(django_assert_max_num_queries):
    values = {f"c{number}": number / 5000 for number in range(5000)}
    with django_assert_max_num_queries(10):
        assert services.publish_facts(name="toy.churn", values=values) == 5000
    with django_assert_max_num_queries(2):
        known = services.read_facts(
            names=["toy.churn", "toy.stock_days"], entity_ids=["c10", "c20", "nobody"], purpose="marketing"
        )
    assert known == {
        "c10": {"toy.churn": 0.002, "toy.stock_days": None},
        "c20": {"toy.churn": 0.004, "toy.stock_days": None},
        "nobody": {"toy.churn": 0.5, "toy.stock_days": None},
    }


def test_old_facts_go_after_the_retention_and_a_second_run_deletes_nothing(settings):
    settings.ECOMAI = {"FUSION": {"FACT_RETENTION_DAYS": 30, "FACT_BATCH_SIZE": 2}}
    long_ago = timezone.now() - timedelta(days=38)
    services.publish_facts(name="toy.churn", values={"a": 0.1, "b": 0.2, "c": 0.3}, published_at=long_ago)
    services.publish_facts(name="toy.churn", values={"a": 0.4}, published_at=long_ago + timedelta(days=2))
    assert delete_old_facts() == 3
    assert delete_old_facts() == 0
    assert list(Fact.objects.values_list("value", flat=True)) == [0.4]
