"""What is popular lately."""

from recommendations import services
from recommendations.models import ItemPopularity


def scores() -> dict[str, float]:
    return dict(ItemPopularity.objects.values_list("item__external_id", "score"))


def test_newer_events_count_more(shop, add_event):
    add_event(shop[0], type="purchase", days_ago=0)
    add_event(shop[1], type="purchase", days_ago=14)
    services.refresh_popularity()
    assert 1.8 < scores()["coffee-1"] / scores()["coffee-2"] < 2.2


def test_a_purchase_counts_more_than_a_view(shop, add_event):
    add_event(shop[0], type="view")
    add_event(shop[1], type="purchase")
    services.refresh_popularity()
    assert scores()["coffee-2"] == 5 * scores()["coffee-1"]


def test_what_comes_back_is_not_popular(shop, add_event):
    add_event(shop[0], type="purchase")
    add_event(shop[0], type="return")
    services.refresh_popularity()
    assert scores() == {}


def test_counting_twice_changes_nothing(shop, add_event):
    add_event(shop[0])
    assert services.refresh_popularity() == 1
    before = scores()
    assert services.refresh_popularity() == 1
    assert scores() == before


def test_an_item_that_was_switched_off_leaves_the_count(shop, add_event):
    add_event(shop[0])
    services.refresh_popularity()
    shop[0].is_active = False
    shop[0].save()
    assert services.refresh_popularity() == 0
    assert scores() == {}


def test_an_old_export_counts_from_its_newest_event(shop, add_event):
    add_event(shop[0], days_ago=4000)
    add_event(shop[1], days_ago=4100)
    services.refresh_popularity()
    assert set(scores()) == {"coffee-1"}


def test_an_empty_shop_has_nothing_popular(db):
    assert services.refresh_popularity() == 0


def test_events_ask_for_a_count_at_most_once_in_each_interval(db):
    assert services.should_refresh_popularity()
    assert not services.should_refresh_popularity()


def test_the_history_of_an_old_export_counts_whatever_else_is_noted_today(shop, add_event):
    """A shop's own counters are noted when they are read; they make no sales of years ago too old."""
    add_event(shop[0], type="purchase", days_ago=4000)
    add_event(shop[0], type="popularity", days_ago=0)
    services.refresh_popularity()
    assert scores().keys() == {"coffee-1"}
