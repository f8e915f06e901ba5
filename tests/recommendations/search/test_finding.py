"""Searching: what is found, in which order, and whatever is typed."""

from decimal import Decimal

import numpy as np
import pytest
from django.utils import timezone

from ecomai.commerce.models import Item
from ecomai.exceptions import InvalidInputError
from ecomai.fusion.models import EntityVector
from ecomai.learning.retrieval.judgements import Judgements
from ecomai.learning.retrieval.pair_ranker import PairRanker
from ecomai.registry.services import switch_scenario
from ecomai.serving import live
from ecomai.serving.predictors.search_order import FirstOrder
from recommendations.services import search as searches
from recommendations.services.search import search, suggest
from recommendations.services.vectors import encode_items

from .conftest import COLOURS, THINGS, look_again, rows, titles

pytestmark = pytest.mark.django_db


@pytest.fixture
def contrary(trained):
    """A live version whose trees have learned that the nearest meaning is the worst answer."""
    texts, rng = [row["title"] for row in rows()], np.random.default_rng(0)
    pairs = np.tile(np.divmod(np.arange(4 * len(texts)), len(texts)), 50)
    cosines = rng.uniform(0.7, 0.9, pairs.shape[1])
    judgements = Judgements(*pairs.astype(np.int64), (5 * (0.9 - cosines)).astype(np.float32))
    trees = PairRanker(n_trees=100, n_threads=1).fit(texts, list(THINGS), judgements, cosines=cosines)
    predictor = live.get_live("recommendations.search").predictor
    predictor.first_order = FirstOrder(n_first=3, trees_share=1.0, trees=Trees(trees))
    yield
    predictor.first_order = None


class Trees:
    """As an artifact's, which grade one query at a time."""

    def __init__(self, ranker):
        self.ranker = ranker

    def grade(self, query, texts, *, typed, cosines):
        return self.ranker.predict([query] * len(texts), texts, typed=[typed] * len(texts), cosines=cosines)


def test_before_any_training_words_alone_find_and_say_so(goods):
    answer = search(query="blue cups")
    assert titles(answer)[0] == "Blue coffee cup"
    assert answer.is_fallback
    assert answer.source == "words"
    assert answer.hits[0].why[0].code == "words"
    assert answer.hits[0].why[0].words == ["blue", "cups"]


def test_a_mistyped_word_is_corrected_with_a_way_back(trained):
    answer = search(query="coffe cupp")
    assert answer.searched in ("coffee cup", "coffee cups")
    assert answer.is_corrected
    assert set(titles(answer)[:4]) == {f"{colour.title()} coffee cup" for colour in COLOURS}
    assert answer.hits[0].why[0].code == "corrected"
    assert "which you probably meant" in answer.hits[0].why[0].text
    assert not search(query="coffe cupp", is_exact=True).is_corrected


def test_the_trained_search_uses_what_others_took(trained):
    answer = search(query="brew")
    assert answer.source == "model"
    assert answer.model_version == 1
    assert not answer.is_fallback
    assert titles(answer) == ["Red tea pot"]
    assert [why.code for why in answer.hits[0].why] == ["taken"]


def test_the_first_items_come_in_the_order_that_was_learned(contrary):
    answer = search(query="coffee cup")
    before = search(query="coffee cup", sort="price")
    cosines = dict(zip(titles(answer), cosines_of(answer), strict=True))
    assert sorted(titles(answer)[:3], key=cosines.get) == titles(answer)[:3]
    assert answer.hits[0].score >= answer.hits[1].score >= answer.hits[2].score
    assert all(hit.why[0].words == ["coffee", "cup"] for hit in answer.hits[:3])
    # Pages fit together, other orders are their own, and without time the first order stands.
    pages = [title for page in (1, 2) for title in titles(search(query="coffee cup", n=2, page=page))]
    assert pages == titles(answer)[:4]
    assert titles(before)[0] == "Red coffee cup"
    described = search(query="a coffee cup")
    assert titles(described)[0] == max(cosines, key=cosines.get)
    late = search(query="coffee cup", time_budget_seconds=0.0)
    assert late.is_fallback
    assert set(titles(late)[:4]) == set(titles(answer)[:4])


def cosines_of(answer):
    predictor = live.get_live("recommendations.search").predictor
    found = predictor.search("coffee cup", vector=predictor.text_encoder.encode(["coffee cup"])[0])
    place = {item_id: n for n, item_id in enumerate(found.item_ids)}
    return [found.cosines[place[str(hit.item.pk)]] for hit in answer.hits]


def test_nothing_is_found_where_nothing_fits(trained):
    answer = search(query="qqqwwwzzz")
    assert (answer.n_found, answer.hits, answer.facets) == (0, [], [])


def test_a_new_item_is_found_at_once_and_by_its_meaning_once_it_is_read(trained, add_item):
    search(query="cup")
    item = add_item("new", title="Porcelain saucer", attributes={"colour": "violet"})
    look_again()
    assert titles(search(query="porcelan saucers"))[0] == "Porcelain saucer"
    encode_items(item_keys=[item.pk])
    assert EntityVector.objects.filter(entity_id="new").count() == 1
    searches.answers.indices._models[live.get_live("recommendations.search").predictor]._looked_at = -9e9
    found = search(query="saucer")
    predictor = live.get_live("recommendations.search").predictor
    assert np.linalg.norm(predictor._texts.vectors[predictor._texts.places[str(item.pk)]]) > 0.5
    assert titles(found)[0] == "Porcelain saucer"


def test_what_is_switched_off_is_never_shown(trained, goods):
    assert titles(search(query="brew")) == ["Red tea pot"]
    Item.objects.filter(pk=goods["red tea pot"].pk).update(is_active=False, updated_at=timezone.now())
    assert titles(search(query="brew")) == []
    look_again()
    assert search(query="brew").n_found == 0


def test_a_changed_title_is_found_by_its_new_words_alone(trained, goods):
    search(query="cup")
    Item.objects.filter(pk=goods["red tea pot"].pk).update(title="Samovar", updated_at=timezone.now())
    look_again()
    assert titles(search(query="samovar")) == ["Samovar"]


def test_another_storefront_sees_nothing(trained):
    assert search(query="cup", storefront="other").n_found == 0


def test_a_slow_model_is_not_waited_for(trained, monkeypatch):
    import time

    encoder = live.get_live("recommendations.search").predictor.text_encoder
    monkeypatch.setattr(encoder, "encode", lambda texts: time.sleep(0.4))
    answer = search(query="coffee cup", time_budget_seconds=0.02)
    assert answer.is_fallback
    assert answer.source == "words"
    assert "coffee cup" in titles(answer)[0]


def test_an_empty_index_has_an_answer(db):
    answer = search(query="cup")
    assert (answer.n_found, answer.hits, answer.code) == (0, [], "")
    assert not suggest(typed="cup").items


def test_a_switched_off_scenario_searches_nothing(goods):
    switch_scenario(name="recommendations", is_on=False)
    assert search(query="cup").code == "switched_off"


ODD = (
    "",
    "   ",
    "?!,.;",
    "🙂",
    "كوب قهوة",
    "' OR 1=1; --",
    "{{ 7*7 }}",
    "<script>alert(1)</script>",
    "%s %d",
    "杯",
)


@pytest.mark.parametrize("query", ODD)
def test_odd_queries_have_an_answer(trained, query):
    assert search(query=query).code == ""
    assert not suggest(typed=query).queries


def test_a_query_of_ten_thousand_letters_is_refused_with_a_sentence(goods):
    with pytest.raises(InvalidInputError, match="at most 500 letters"):
        search(query="x" * 10_000)
    with pytest.raises(InvalidInputError, match="null"):
        search(query="cup\0")
    assert not suggest(typed="x" * 10_000).queries


def test_chinese_is_found_by_its_letters(add_item):
    add_item(
        "a", title="红色咖啡杯", category_path="厨房 > 杯子", attributes={"颜色": "红色"}, price=Decimal(40)
    )
    add_item("b", title="蓝色茶壶", category_path="厨房 > 茶", attributes={"颜色": "蓝色"}, price=Decimal(90))
    assert titles(search(query="咖啡杯")) == ["红色咖啡杯"]
    assert titles(search(query="茶壶 低于100元")) == ["蓝色茶壶"]
    assert search(query="茶壶 低于50元").n_found == 0
