"""What is answered before there is a model, and who may see what."""

import pytest
from django.utils import translation

from ecomai.exceptions import InvalidInputError
from ecomai.registry.models import ModelDeployment
from ecomai.registry.services import switch_scenario
from recommendations import services
from recommendations.catalogue import ItemFilter
from recommendations.models import Answer, BatchRecommendation
from recommendations.services import recommend


def ids(answer):
    return [pick.item.external_id for pick in answer.picks]


@pytest.fixture
def popular(shop, add_event):
    """Coffee sells best, then hiking, then writing; within each, the cheaper the better."""
    for place, item in enumerate(shop):
        for _ in range(24 - 2 * place):
            add_event(item, session_id="somebody-else")
    services.refresh_popularity()
    return shop


def test_an_empty_shop_gets_an_empty_answer(db):
    answer = recommend()
    assert ids(answer) == []
    assert answer.source == "popular"
    assert answer.is_fallback


def test_a_shop_of_one_item_recommends_it_and_never_beside_itself(add_item):
    add_item("only")
    assert ids(recommend()) == ["only"]
    assert ids(recommend(item_id="only")) == []


def test_a_new_visitor_gets_popular_items_of_mixed_kinds(popular):
    answer = recommend(n=6)
    assert answer.source == "popular"
    kinds = {pick.item.category_path.split(" > ")[0] for pick in answer.picks}
    assert kinds == {"Coffee", "Hiking", "Writing"}
    assert ids(answer)[0] == "coffee-1"
    assert {pick.reason.code for pick in answer.picks} == {"popular"}


def test_new_items_come_before_old_ones_where_nothing_happened(shop):
    answer = recommend(n=1)
    assert ids(answer) == ["writing-4"]
    assert answer.picks[0].reason.text == "From our range.", "nobody took it, so it is not popular"


def test_beside_an_item_without_a_model_its_own_kind_comes_first(popular):
    assert ids(recommend(item_id="writing-4", n=3)) == ["writing-1", "writing-2", "writing-3"]


def test_what_was_bought_is_left_out(popular, add_customer, add_event):
    customer = add_customer("anna")
    add_event(popular[0], type="purchase", customer=customer)
    assert "coffee-1" not in ids(recommend(customer=customer, n=12))
    assert len(ids(recommend(customer=customer, n=12))) == 11


def test_what_was_cancelled_may_come_again(popular, add_customer, add_event):
    customer = add_customer("anna")
    add_event(popular[0], type="purchase", customer=customer, days_ago=2)
    add_event(popular[0], type="cancellation", customer=customer, days_ago=1)
    assert "coffee-1" in ids(recommend(customer=customer, n=12))


def test_rebuyable_kinds_may_come_again(popular, add_customer, add_event, settings):
    customer = add_customer("anna")
    add_event(popular[0], type="purchase", customer=customer)
    add_event(popular[4], type="purchase", customer=customer)
    settings.ECOMAI = {"RECOMMENDATIONS": {"REBUYABLE_CATEGORIES": ["Coffee"]}}
    answer = ids(recommend(customer=customer, n=12))
    assert "coffee-1" in answer
    assert "hiking-1" not in answer


def test_exclusion_can_be_switched_off(popular, add_customer, add_event, settings):
    customer = add_customer("anna")
    add_event(popular[0], type="purchase", customer=customer)
    settings.ECOMAI = {"RECOMMENDATIONS": {"EXCLUDE_PURCHASED": False}}
    assert "coffee-1" in ids(recommend(customer=customer, n=12))


def test_filters_hold(popular):
    from decimal import Decimal

    hiking = recommend(filters=ItemFilter(category="Hiking"), n=10)
    assert set(ids(hiking)) == {f"hiking-{n}" for n in (1, 2, 3, 4)}
    cheap = recommend(filters=ItemFilter(max_price=Decimal(10)), n=10)
    assert set(ids(cheap)) == {"coffee-1", "hiking-1", "writing-1"}
    popular[0].stock = 0
    popular[0].save()
    assert "coffee-1" not in ids(recommend(filters=ItemFilter(is_in_stock=True), n=12))


def test_an_item_that_was_switched_off_a_moment_ago_is_not_shown(popular):
    """The copy in memory may be a second old; rows are read once more."""
    recommend()
    popular[0].is_active = False
    popular[0].save()
    assert "coffee-1" not in ids(recommend(n=12))


def test_twins_are_shown_once(shop, add_item):
    add_item("coffee-1-again", title=shop[0].title, category_path="Coffee")
    titles = [pick.item.title for pick in recommend(n=13).picks]
    assert len(titles) == len(set(titles)) == 12


def test_unknown_ids_are_named_and_do_no_harm(popular):
    answer = recommend(item_id="no-such", basket=["coffee-1", "neither"])
    assert answer.unknown_ids == ["no-such", "neither"]
    assert answer.picks
    assert "coffee-1" not in ids(answer)


@pytest.mark.parametrize("n", [0, -1, 101])
def test_absurd_lengths_are_refused(db, n):
    with pytest.raises(InvalidInputError) as caught:
        recommend(n=n)
    assert caught.value.code == "invalid_input"


@pytest.fixture
def scored(popular, add_customer, add_event, version):
    """A customer with a history and a batch row of the version 3, whose files are away."""
    customer = add_customer("anna")
    add_event(popular[0], customer=customer)
    keys = [popular[6].pk, popular[7].pk, 10**9]
    BatchRecommendation.objects.create(
        customer=customer, item_keys=keys, scores=[0.9, 0.8, 0.7], model_version=version
    )
    return customer


def serve(version, mode):
    name = version.model_name
    ModelDeployment.objects.update_or_create(
        model_name=name, defaults={"mode": mode, f"{mode}_version": version}
    )


def test_batch_rows_answer_where_the_model_cannot(scored, version):
    serve(version, "live")
    answer = recommend(customer=scored, n=3)
    assert answer.source == "batch"
    assert answer.is_fallback
    assert answer.model_version == version.number
    assert ids(answer)[:2] == ["hiking-3", "hiking-4"]
    assert [pick.reason.code for pick in answer.picks] == ["for_you", "for_you", "popular"]


def test_batch_rows_of_a_model_in_shadow_are_not_shown(scored, version):
    serve(version, "shadow")
    assert recommend(customer=scored, n=3).source == "popular"


@pytest.mark.parametrize(("number", "source"), [(2, "popular"), (4, "batch")])
def test_batch_rows_of_a_version_that_was_rolled_back_are_not_shown(scored, version, number, source):
    version.pk, version.number = None, number
    version.save()
    serve(version, "live")
    assert recommend(customer=scored, n=3).source == source


def test_switched_off_answers_nothing_and_says_so(popular):
    switch_scenario(name="recommendations", is_on=False)
    answer = recommend()
    assert (answer.code, list(answer.picks)) == ("switched_off", [])
    switch_scenario(name="recommendations", is_on=True)
    assert recommend().picks


def test_answers_are_kept_with_what_was_shown(popular, add_customer):
    customer = add_customer("anna")
    answer = recommend(customer=customer, placement="home", n=2)
    row = Answer.objects.get()
    assert (row.key, row.customer, row.placement, row.source) == (answer.key, customer, "home", "popular")
    assert row.item_keys == [pick.item.pk for pick in answer.picks]


def test_no_answer_is_kept_when_the_log_is_off(popular, settings):
    settings.ECOMAI = {"RECOMMENDATIONS": {"LOG_SHARE": 0.0}}
    assert recommend().key is None
    assert not Answer.objects.exists()


def test_a_session_shows_only_what_nobody_is_known_to_have_done(popular, add_customer, add_event, version):
    """A browser may name any session it likes."""
    customer = add_customer("anna")
    add_event(popular[0], type="purchase", customer=customer, session_id="shared-session")
    assert "coffee-1" in ids(recommend(session_id="shared-session", n=12))


def test_storefronts_keep_to_themselves(popular, add_item):
    add_item("outlet-only", storefront="outlet")
    assert ids(recommend(storefront="outlet")) == ["outlet-only"]


def test_reasons_speak_the_language_of_the_reader(popular):
    with translation.override("en"):
        assert recommend(n=1).picks[0].reason.text == "Popular right now."
