"""A placement's pipeline: what it names, in which order, and what merchandisers' rules do to it."""

from decimal import Decimal

import numpy as np
import pytest

from ecomai import writing
from ecomai.commerce.models import Order, OrderLine
from ecomai.conditions import ConditionError
from recommendations import services
from recommendations.models import Answer, Feedback, Pipeline
from recommendations.pipeline import plans, sources
from recommendations.pipeline.reranking import mmr
from recommendations.pipeline.rules import LANGUAGE
from tests.recommendations.conftest import NOW


def ask(customer=None, placement="home", n=4, **more):
    return services.recommend(customer=customer, placement=placement, n=n, **more)


def titles(answer):
    return [pick.item.external_id for pick in answer.picks]


# -- which pipeline -------------------------------------------------------------------------------


def test_without_a_pipeline_a_placement_answers_as_ever(coffee_drinker):
    before = ask(coffee_drinker, placement="")
    answer = ask(coffee_drinker)
    assert (answer.source, titles(answer)) == ("model", titles(before))


def test_a_live_pipeline_answers_at_its_placement_alone(coffee_drinker, make_pipeline):
    pipeline = make_pipeline("sequence")
    answer = ask(coffee_drinker)
    assert (answer.source, answer.pipeline_id, answer.is_fallback) == ("pipeline", pipeline.pk, False)
    assert titles(answer)[0] == "coffee-2"
    assert ask(coffee_drinker, placement="item").source == "model"


@pytest.mark.parametrize("state", ["draft", "retired"])
def test_what_is_not_live_answers_nobody_but_who_names_it(coffee_drinker, make_pipeline, state):
    pipeline = make_pipeline("sequence", state=state)
    assert ask(coffee_drinker).source == "model"
    assert ask(coffee_drinker, pipeline_id=pipeline.pk).pipeline_id == pipeline.pk


def test_a_pipeline_that_is_gone_is_answered_as_ever(coffee_drinker, caplog):
    assert ask(coffee_drinker, pipeline_id=999).source == "model"
    assert "Pipeline 999 is gone" in caplog.text


def test_an_answer_names_its_pipeline_in_the_log(coffee_drinker, make_pipeline):
    pipeline = make_pipeline("sequence")
    ask(coffee_drinker)
    writing.flush()
    assert Answer.objects.get().pipeline_id == pipeline.pk


def test_a_live_pipeline_costs_no_query_of_its_own(
    coffee_drinker, make_pipeline, django_assert_max_num_queries
):
    """But the one small read of what is live, which a process does once a second."""
    make_pipeline("sequence", "similar", "trending", "new", "rebuy")
    ask(coffee_drinker)
    with django_assert_max_num_queries(100) as with_pipeline:
        ask(coffee_drinker, is_kept=False)
    Pipeline.objects.all().delete()
    ask(coffee_drinker)
    with django_assert_max_num_queries(100) as without:
        ask(coffee_drinker, is_kept=False)
    assert len(with_pipeline) == len(without)


# -- sources --------------------------------------------------------------------------------------


def order(*items, n=1):
    for number in range(n):
        row = Order.objects.create(
            external_id=f"o-{'-'.join(item.external_id for item in items)}-{number}",
            currency="EUR",
            placed_at=NOW,
        )
        for position, item in enumerate(items):
            OrderLine.objects.create(
                order=row, item=item, position=position, quantity=1, unit_price=Decimal(3)
            )


def test_bought_together_names_what_was_in_one_order(shop, make_pipeline):
    order(shop[0], shop[9], n=3)
    order(shop[0], shop[5])
    order(shop[2], shop[3], n=9)
    make_pipeline("together", placement="item")
    answer = ask(placement="item", item_id="coffee-1", n=2)
    assert titles(answer) == [shop[9].external_id, shop[5].external_id]
    assert answer.picks[0].reason.code == "similar_to"


@pytest.mark.django_db(transaction=True)
def test_nobody_waits_for_orders_to_be_counted(shop, make_pipeline):
    """Outside of a test, an item that nobody asked about is looked up a moment later, for the next answer."""
    order(shop[0], shop[9])
    assert sources.bought_together([shop[0].pk]) == {shop[0].pk: []}
    sources.wait_until_counted()
    assert sources.bought_together([shop[0].pk]) == {shop[0].pk: [(shop[9].pk, 1.0)]}
    assert sources.bought_together([shop[9].pk], is_waited_for=True) == {shop[9].pk: [(shop[0].pk, 1.0)]}


def test_new_arrivals_come_newest_first_and_say_so(shop, add_item, make_pipeline):
    from django.utils import timezone

    add_item("fresh", title="Fresh thing", listed_at=timezone.now())
    type(shop[0]).objects.exclude(external_id="fresh").update(listed_at=NOW)
    make_pipeline("new")
    answer = ask(n=3)
    assert titles(answer)[0] == "fresh"
    assert answer.picks[0].reason.text == "New in our range."


def test_bought_again_needs_a_policy_that_shows_it(coffee_drinker, shop, add_event, make_pipeline):
    add_event(shop[0], type="purchase", customer=coffee_drinker, days_ago=0.5)
    pipeline = make_pipeline("rebuy", "trending", bought_policy="keep")
    answer = ask(coffee_drinker)
    assert titles(answer)[0] == "coffee-1"
    assert answer.picks[0].reason.code == "again"
    for policy in ("settings", "exclude"):
        Pipeline.objects.update(bought_policy=policy)
        plans.forget_plans()
        assert "coffee-1" not in titles(ask(coffee_drinker, n=12)), policy
    Pipeline.objects.filter(pk=pipeline.pk).update(bought_policy="last")
    plans.forget_plans()
    assert titles(ask(coffee_drinker, n=12))[-1] == "coffee-1"


# -- rules ----------------------------------------------------------------------------------------


def test_rules_move_items(coffee_drinker, shop, make_pipeline):
    make_pipeline(
        "trending",
        rules=[
            {"action": "exclude", "condition": 'brand == "" and price == 20'},
            {"action": "bury", "condition": '"Coffee" in categories'},
            {"action": "boost", "condition": 'title.as_lower == "fountain pen number 4"', "factor": 50},
            {"action": "pin", "item": shop[7], "position": 2},
        ],
    )
    shown = titles(ask(coffee_drinker, n=12))
    assert shown[:2] == ["writing-4", shop[7].external_id]
    assert not [one for one in shown if one.endswith("-2")]
    assert set(shown[-2:]) <= {"coffee-3", "coffee-4"}


def test_a_pinned_item_is_shown_though_no_source_names_it_but_never_when_it_is_not_on_offer(
    coffee_drinker, shop, make_pipeline
):
    make_pipeline("sequence", rules=[{"action": "pin", "item": shop[11], "position": 1}])
    assert titles(ask(coffee_drinker))[0] == shop[11].external_id
    shop[11].is_active = False
    shop[11].save()
    assert shop[11].external_id not in titles(ask(coffee_drinker))


def test_what_is_excluded_does_not_come_back_to_fill_the_strip_up(coffee_drinker, make_pipeline):
    make_pipeline("sequence", rules=[{"action": "exclude", "condition": '"Hiking" in categories'}])
    shown = titles(ask(coffee_drinker, n=12))
    assert len(shown) == 8
    assert not [one for one in shown if one.startswith("hiking")]


def test_a_rule_that_excludes_everything_ends_in_the_fallback(coffee_drinker, make_pipeline):
    make_pipeline("trending", rules=[{"action": "exclude", "condition": "price > 0"}])
    answer = ask(coffee_drinker)
    assert (answer.source, answer.pipeline_id) == ("model", None)
    assert len(answer.picks) == 4


def test_a_rule_about_what_is_unknown_of_an_item_is_not_about_it(coffee_drinker, shop, make_pipeline):
    type(shop[0]).objects.filter(external_id="coffee-3").update(cost=Decimal(29))
    rules = [
        {"action": "exclude", "condition": condition} for condition in ("margin < 0.1", "not margin > 0.1")
    ]
    make_pipeline("trending", rules=rules)
    shown = titles(ask(coffee_drinker, n=12))
    assert "coffee-3" not in shown
    assert len(shown) == 11


def test_a_missing_attribute_is_no_problem_and_a_failing_rule_costs_no_answer(
    coffee_drinker, shop, make_pipeline
):
    type(shop[0]).objects.filter(external_id="coffee-3").update(attributes={"colour": "red", "n": 3})
    pipeline = make_pipeline(
        "trending",
        rules=[
            {"action": "exclude", "condition": 'attributes["colour"] == "red"'},
            {"action": "exclude", "condition": "price / stock > 1000"},
        ],
    )
    type(shop[0]).objects.filter(external_id="coffee-4").update(stock=0)
    shown = titles(ask(coffee_drinker, n=12))
    assert "coffee-3" not in shown
    assert "coffee-4" in shown
    problems = [rule.problem for rule in plans.plan_of(pipeline.pk).rules]
    assert problems[0] == ""
    assert problems[1]


def test_a_rule_sees_an_item_as_it_is_now(coffee_drinker, shop, make_pipeline):
    make_pipeline("trending", rules=[{"action": "exclude", "condition": "price < 15"}])
    assert "coffee-2" in titles(ask(coffee_drinker, n=12))
    from ecomai.commerce.services import upsert_items
    from recommendations import catalogue

    upsert_items([{"external_id": "coffee-2", "price": "1", "currency": "EUR"}])
    catalogue.forget()
    assert "coffee-2" not in titles(ask(coffee_drinker, n=12))


MUG = {
    "title": "Mug", "category": "Cups", "categories": ("Kitchen", "Cups"), "brand": "Roe", "price": 25.0,
    "margin": 0.2, "is_in_stock": True, "is_tail": False, "age_days": 90.0, "attributes": {"colour": "blue"},
}  # fmt: skip
#: A condition, and what of a mug it depends on to hold.
GOOD = {
    "price < 20 and is_in_stock": {"price": 19.0},
    '"Coffee" in categories': {"categories": ("Coffee",)},
    'brand in ["Acme", "Lee"]': {"brand": "Acme"},
    "age_days < 30 or is_tail": {"is_tail": True},
    'attributes["colour"] == "red"': {"attributes": {"colour": "red"}},
    "margin > 0.3": {"margin": 0.4},
    'title.as_lower == "jug"': {"title": "JUG"},
    'category == "咖啡 ~ $ {}"': {"category": "咖啡 ~ $ {}"},
}
BAD = {
    "unknown name": ('titel == "x"', "“titel” is not known. A condition may name: item_id, title"),
    "SQL": ("title == 'x'; DROP TABLE item", "illegal character ';'"),
    "SQL in quotes": ("title == '' or 1=1 --", "cannot be read"),
    "template": ("{{ 7*7 }}", "“{” may not be used"),
    "template tag": ("{% load x %}", "“{” may not be used"),
    "dunder": ("title.__class__", "“.__class__” may not be used"),
    "deep dunder": ('attributes["x"].__class__.__mro__', "may not be used"),
    "import": ('__import__("os")', "“__import__” is not known"),
    "function": ("$random(3) > 1", "“$” may not be used"),
    "regular expression": ('title =~ "(a+)+$"', "“=~” may not be used"),
    "slow constant": ('"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!" =~ "(a+)+$"', "“=~” may not be used"),
    "power": ("9**9**9**9 > price", "“**” may not be used"),
    "shift": ("1 << 99999999999 > price", "“<<” may not be used"),
    "loop": ("[x for x in categories] == []", "“for” may not be used"),
    "no yes or no": ("price", "must be true or false, such as: price < 20"),
    "nothing about an item": ("true", "must be true or false, such as: price < 20"),
    "unlike kinds": ('price == "3"', "compares FLOAT with STRING"),
    "half a sentence": ("price > 3 and", "cannot be read"),
    "too long": ("price > 3 and " * 60 + "is_tail", "at most 500 characters"),
    "empty": ("", "cannot be read"),
}  # fmt: skip


@pytest.mark.parametrize("condition", GOOD)
def test_conditions_that_can_be_read(condition):
    read = LANGUAGE.compile(condition)
    assert not read.is_met(MUG)
    assert read.is_met(MUG | GOOD[condition])


@pytest.mark.parametrize("name", BAD)
def test_a_mistake_is_named(name):
    condition, sentence = BAD[name]
    with pytest.raises(ConditionError) as error:
        LANGUAGE.compile(condition)
    assert sentence in str(error.value)


# -- steps ----------------------------------------------------------------------------------------


def test_what_was_shown_too_often_is_left_out_until_it_is_clicked(
    coffee_drinker, add_event, shop, make_pipeline
):
    make_pipeline("trending", cap_shown=2, cap_days=3)
    shown = titles(ask(coffee_drinker, n=3))
    ask(coffee_drinker, n=3)
    writing.flush()
    # The first coffee was looked at, so it is not what nobody cares for.
    assert set(shown) & set(titles(ask(coffee_drinker, n=12, is_kept=False))) == {"coffee-1"}
    add_event(shop[1], type="click", customer=coffee_drinker)
    assert "coffee-2" in shown
    assert "coffee-2" in titles(ask(coffee_drinker, n=12, is_kept=False))
    assert titles(ask(None, session_id="another", n=3)) == shown


def test_feedback_is_heeded_at_the_next_answer(coffee_drinker, add_event, shop, make_pipeline):
    make_pipeline("trending", bought_policy="keep")
    add_event(shop[1], type="purchase", customer=coffee_drinker)
    assert {"coffee-2", "coffee-3"} <= set(titles(ask(coffee_drinker, n=12)))
    Feedback.objects.create(customer=coffee_drinker, item=shop[1], kind="owned")
    assert "coffee-2" not in titles(ask(coffee_drinker, n=12))
    Feedback.objects.create(customer=coffee_drinker, item=shop[2], kind="less_like_this")
    shown = titles(ask(coffee_drinker, n=12))
    assert {one.split("-")[0] for one in shown[-2:]} == {"coffee"}
    assert "coffee-3" not in shown


def test_most_of_one_category_and_brand(coffee_drinker, shop, make_pipeline):
    pipeline = make_pipeline("trending", most_per_category=1)
    kinds = [one.split("-")[0] for one in titles(ask(None, n=3))]
    assert sorted(kinds) == ["coffee", "hiking", "writing"]
    assert len(ask(None, n=9).picks) == 9
    type(shop[0]).objects.update(brand="Acme")
    type(shop[0]).objects.filter(external_id="writing-4").update(brand="Roe")
    Pipeline.objects.filter(pk=pipeline.pk).update(most_per_category=None, most_per_brand=1)
    plans.forget_plans()
    from recommendations import catalogue

    catalogue.forget()
    assert "writing-4" in titles(ask(None, n=2))


def test_diversity_mixes_kinds(coffee_drinker, make_pipeline):
    pipeline = make_pipeline("similar", "trending", placement="item")
    seen = {"placement": "item", "item_id": "coffee-1", "n": 3}
    alike = titles(ask(**seen))
    assert {one.split("-")[0] for one in alike} == {"coffee"}
    Pipeline.objects.filter(pk=pipeline.pk).update(diversity=0.8)
    plans.forget_plans()
    mixed = titles(ask(**seen))
    assert len({one.split("-")[0] for one in mixed}) > 1
    assert mixed[0] == alike[0]


def test_mmr_keeps_the_order_without_diversity_and_is_a_permutation():
    scores, alike = np.array([3.0, 2.0, 1.0, 0.5]), np.ones((4, 4))
    assert mmr(scores, alike, 0.0).tolist() == [0, 1, 2, 3]
    twins = np.array([[1, 1, 0, 0], [1, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]], dtype=float)
    assert mmr(scores, twins, 0.7).tolist() == [0, 2, 3, 1]
