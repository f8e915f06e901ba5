"""Synonyms, of people and learned, and suggestions while one types."""

import pytest
from django.utils import timezone

from ecomai.commerce.models import Item
from recommendations.models import Synonym
from recommendations.services import search as searches
from recommendations.services.search import search, suggest

from .conftest import COLOURS, look_again, titles

pytestmark = pytest.mark.django_db


def synonym(**values):
    searches.synonyms._rules._looked_at = float("-inf")
    return Synonym.objects.create(**values)


def test_an_active_synonym_finds_and_explains(trained):
    assert search(query="mug").n_found == 0
    synonym(terms="mug", means="coffee cup", is_two_way=False)
    answer = search(query="blue mug")
    assert titles(answer)[0] == "Blue coffee cup"
    assert answer.searched == "blue mug"
    assert [why.code for why in search(query="mugs").hits[0].why] == ["synonym"]
    assert search(query="mugs").hits[0].why[0].words == ["coffee", "cup"]


def test_a_proposed_synonym_changes_nothing(trained):
    synonym(terms="mug", means="coffee cup", state=Synonym.State.PROPOSED)
    assert search(query="mug").n_found == 0


def test_a_two_way_synonym_works_backwards(trained, add_item):
    add_item("mug", title="Mug")
    look_again()
    row = synonym(terms="mug", means="coffee cup, beaker", is_two_way=True)
    assert "Mug" in titles(search(query="beaker"))
    assert "Red coffee cup" in titles(search(query="beaker", n=20))
    row.is_two_way = False
    row.save()
    searches.synonyms._rules._looked_at = float("-inf")
    assert "Mug" not in titles(search(query="beaker"))


def test_synonyms_are_learned_as_proposals_once(goods, add_event):
    now = timezone.now()
    for person in range(4):
        for n, (query, item) in enumerate([("mug", "red coffee cup"), ("coffee cup", "red coffee cup")]):
            at = now - timezone.timedelta(days=2, hours=n)
            session = f"session-{person}-{n}"
            add_event(None, type="search", query=query, session_id=session).__class__.objects.filter(
                session_id=session
            ).update(occurred_at=at)
            event = add_event(goods[item], session_id=session)
            event.__class__.objects.filter(pk=event.pk).update(occurred_at=at + timezone.timedelta(minutes=1))
    assert searches.propose_synonyms() == 1
    (row,) = Synonym.objects.all()
    assert {row.terms, row.means} == {"mug", "coffee cup"}
    assert (row.state, row.n_people, row.is_two_way) == ("proposed", 4, True)
    assert "led to the same items" in row.origin
    assert searches.propose_synonyms() == 0


def test_who_searches_again_in_other_words_proposes_them(goods, add_event):
    now = timezone.now()
    for person in range(3):
        steps = [
            (0, "search", "sofa", None),
            (1, "search", "chair", None),
            (2, "view", "", "red garden chair"),
        ]
        for minute, type, query, item in steps:
            event = add_event(goods.get(item), type=type, query=query, session_id=f"session-{person}")
            event.__class__.objects.filter(pk=event.pk).update(
                occurred_at=now - timezone.timedelta(days=1, minutes=-minute)
            )
    assert searches.propose_synonyms() == 1
    row = Synonym.objects.get()
    assert (row.terms, row.means, row.is_two_way) == ("sofa", "chair", False)


def texts(entries):
    return [entry.text for entry in entries]


def test_suggestions_are_what_led_others_somewhere(trained, django_assert_max_num_queries):
    suggest(typed="c")
    with django_assert_max_num_queries(2):
        found = suggest(typed="Co")
    assert texts(found.queries) == ["coffee cup"]  # "coffin" led nowhere, "coral" was searched by two
    assert {item.title for item in found.items} <= {f"{colour.title()} coffee cup" for colour in COLOURS}
    assert texts(suggest(typed="cha").categories) == ["Chairs"]
    assert texts(suggest(typed="blu").queries) == ["teapot blue"]


def test_suggestions_bear_a_wrong_letter(trained):
    found = suggest(typed="coffe cupp")
    assert found.corrected
    assert texts(found.queries) == ["coffee cup"] or found.items
    assert texts(suggest(typed="cofee").queries) == ["coffee cup"]
    assert {item.title for item in suggest(typed="lamp gre").items} == {"Green desk lamp"}


def test_what_is_switched_off_is_not_suggested(trained, goods):
    assert goods["red tea pot"] in suggest(typed="red tea").items
    Item.objects.filter(pk=goods["red tea pot"].pk).update(is_active=False, updated_at=timezone.now())
    assert not suggest(typed="red tea").items
