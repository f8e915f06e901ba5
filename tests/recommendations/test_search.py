"""Search as visitors meet it: what is found, why, and what it can be narrowed by."""

import uuid
from decimal import Decimal

import numpy as np
import pytest
from django.utils import timezone

from ecomai import writing
from ecomai.commerce.models import Item
from ecomai.exceptions import InvalidInputError
from ecomai.fusion.models import ConsentRecord, EntityVector
from ecomai.learning.encoders.char_ngram import CharNgramTextEncoder
from ecomai.learning.export import export_search
from ecomai.learning.retrieval.hybrid import HybridSearcher
from ecomai.learning.retrieval.judgements import Judgements
from ecomai.learning.retrieval.pair_ranker import PairRanker
from ecomai.registry.artifacts import store_artifact
from ecomai.registry.models import ModelVersion
from ecomai.registry.services import go_live, promote_version, switch_scenario
from ecomai.serving import live
from ecomai.serving.predictors.search import canonical
from ecomai.serving.predictors.search_order import FirstOrder
from recommendations import catalogue, shelf
from recommendations.exceptions import UnlikeCurrenciesError
from recommendations.models import SearchLog, Synonym
from recommendations.services import search as searches
from recommendations.services.search import SearchFilter, search, suggest, suggestions
from recommendations.services.vectors import encode_items

pytestmark = pytest.mark.django_db
FIRST = 800_001
THINGS = {
    "coffee cup": "Kitchen > Cups", "tea pot": "Kitchen > Tea", "desk lamp": "Home > Lamps",
    "garden chair": "Garden > Chairs",
}  # fmt: skip
COLOURS = ("red", "blue", "green", "white")


@pytest.fixture(autouse=True)
def _no_search_remembered():
    searches.forget()
    suggestions.forget()
    yield
    searches.forget()
    suggestions.forget()


def rows():
    for n, (thing, category) in enumerate(THINGS.items()):
        for m, colour in enumerate(COLOURS):
            yield {
                "pk": FIRST + 4 * n + m, "external_id": f"{colour} {thing}".replace(" ", "-"),
                "title": f"{colour.title()} {thing}", "category_path": category,
                "price": Decimal(10 * (m + 1) + n), "brand": "Acme" if m % 2 else "Zen",
                "attributes": {"colour": colour}, "url": f"/p/{n}{m}/", "stock": 3 if m else 0,
            }  # fmt: skip


@pytest.fixture
def goods(add_item):
    return {row["title"].lower(): add_item(row.pop("external_id"), **row) for row in rows()}


@pytest.fixture(scope="module")
def artifact(tmp_path_factory):
    texts = [shelf.text_of({**row, "description": ""}) for row in rows()]
    encoder = CharNgramTextEncoder(dim=16).fit(texts)
    model = HybridSearcher().fit(texts, encoder.encode(texts))
    return export_search(
        model, tmp_path_factory.mktemp("search"), item_ids=[str(row["pk"]) for row in rows()], texts=texts,
        behaviour={canonical("brew", "english"): {4: 0.9}}, behaviour_weight=1.0, text_encoder=encoder,
        past_queries=[("coffee cup", 9, 6), ("coffin", 9, 0), ("coral", 2, 2), ("teapot blue", 5, 5)],
    )  # fmt: skip


@pytest.fixture
def trained(artifact, registry_folder, goods):
    stored = store_artifact(artifact, model_name="recommendations.search", number=1, kind="search")
    version = ModelVersion.objects.create(
        model_name="recommendations.search", number=1, artifact_path=stored.path,
        artifact_bytes=stored.n_bytes, artifact_digest=stored.digest,
        card={"encoder_key": "recommendations:test"},
    )  # fmt: skip
    promote_version(version=version)
    go_live(model_name=version.model_name)
    live.refresh()
    return version


def titles(answer):
    return [hit.item.title for hit in answer.hits]


def choices(answer, name):
    found = {facet.name: facet for facet in answer.facets}
    return {choice.label: choice.n for choice in found[name].choices} if name in found else {}


def look_again():
    """As a second later, when a process looks for changes."""
    catalogue._copy._looked_at = float("-inf")


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


# -- finding ------------------------------------------------------------------------------------------


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


# -- narrowing ----------------------------------------------------------------------------------------


def test_facets_count_the_whole_result(trained):
    answer = search(query="coffee cup", n=1)
    assert len(answer.hits) == 1
    assert answer.n_found == 4
    assert choices(answer, "brand") == {"Acme": 2, "Zen": 2}
    assert choices(answer, "attribute.colour") == dict.fromkeys(sorted(COLOURS), 1)
    assert choices(answer, "in_stock") == {"in stock": 3}


def test_a_brand_that_is_an_attribute_too_is_offered_once(trained):
    for item in Item.objects.exclude(brand=""):
        item.attributes = item.attributes | {"Make": item.brand}
        item.updated_at = timezone.now()
        item.save()
    look_again()
    names = [facet.name for facet in search(query="coffee cup").facets]
    assert "attribute.colour" in names
    assert "attribute.Make" not in names


def test_a_chosen_facet_keeps_its_other_choices(trained):
    answer = search(query="coffee cup", filters=SearchFilter(brands=["Acme"]))
    assert answer.n_found == 2
    assert choices(answer, "brand") == {"Acme": 2, "Zen": 2}
    assert choices(answer, "attribute.colour") == {"blue": 1, "white": 1}


def test_prices_of_unlike_currencies_are_not_compared(trained, add_item):
    add_item("usd", title="Steel coffee cup", currency="USD")
    look_again()
    filters = SearchFilter(items=catalogue.ItemFilter(max_price=Decimal(20)))
    with pytest.raises(UnlikeCurrenciesError):
        search(query="coffee cup", filters=filters)
    assert choices(search(query="coffee cup"), "price") == {}


def test_pages_and_orders(trained):
    cheap = search(query="coffee cup", sort="price", n=3)
    assert [hit.item.price for hit in cheap.hits] == [10, 20, 30]
    assert cheap.n_pages == 2
    assert [hit.item.price for hit in search(query="coffee cup", sort="price", n=3, page=2).hits] == [40]
    assert [hit.item.price for hit in search(query="coffee cup", sort="-price", n=2).hits] == [40, 30]
    with pytest.raises(InvalidInputError, match="sorted by"):
        search(query="cup", sort="beauty")


# -- understanding ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("query", "low", "high", "currency"),
    [
        ("coffee cup under 25", None, 25, ""), ("coffee cup 20-30 EUR", 20, 30, "EUR"),
        ("coffee cup between 15 and 35", 15, 35, ""), ("coffee cup over €25", 25, None, "EUR"),
        ("coffee cup €15-€25", 15, 25, "EUR"), ("咖啡 低于50", None, 50, ""),
        ("杯 便宜于 20 元", None, 20, "CNY"), ("杯 50元以下", None, 50, "CNY"),
        ("杯 20到50元", 20, 50, "CNY"), ("cup up to 12,50 euro", None, 12.5, "EUR"),
    ],
)  # fmt: skip
def test_price_limits_are_understood(trained, query, low, high, currency):
    (wish,) = [wish for wish in search(query=query).wishes if wish.kind == "price"]
    assert (wish.min_price, wish.max_price, wish.currency) == (low, high, currency)


@pytest.mark.parametrize("query", ["screws 20-50", "pen 4 mm", "under", "usb 3.0 hub", "size 38-40 boots"])
def test_other_numbers_are_words(trained, query):
    assert [wish for wish in search(query=query).wishes if wish.kind == "price"] == []


def test_what_was_understood_can_be_taken_back(trained):
    answer = search(query="blue coffee cup under 25")
    assert titles(answer) == ["Blue coffee cup"]
    assert {wish.code for wish in answer.wishes} == {"price", "colour:blue"}
    back = search(query="blue coffee cup under 25", ignore=["colour:blue"])
    assert set(titles(back)) == {"Blue coffee cup", "Red coffee cup"}
    assert {wish.code for wish in back.wishes} == {"price"}


def test_a_category_is_understood_where_it_is_all_that_is_asked_for(trained):
    answer = search(query="white chairs")
    assert {wish.code for wish in answer.wishes} == {"colour:white", "category:Garden > Chairs"}
    assert titles(answer) == ["White garden chair"]
    assert [wish.kind for wish in search(query="something to drink tea from").wishes] == []


def test_a_wish_that_nothing_meets_is_not_insisted_on(trained, add_item):
    add_item("violet", title="Violet pen", attributes={"colour": "violet"})
    look_again()
    assert search(query="violet coffee cup").n_found >= 4


# -- synonyms -----------------------------------------------------------------------------------------


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


# -- who searches -------------------------------------------------------------------------------------


def test_a_personal_search_puts_first_what_the_customer_is_fond_of(trained, goods, add_customer, add_event):
    customer = add_customer("c-1")
    for colour in ("red", "green", "white"):
        add_event(goods[f"{colour} garden chair"], customer=customer)
    plain = search(query="green", customer=customer, is_personal=False)
    mine = search(query="green", customer=customer, is_personal=True)
    assert titles(mine)[0] == "Green garden chair"
    assert mine.is_personal
    assert not plain.is_personal
    assert "personal" in [why.code for why in mine.hits[0].why]
    assert titles(plain)[0] != "Green garden chair"


def test_who_refused_consent_is_searched_for_as_anybody(trained, goods, add_customer, add_event):
    customer = add_customer("c-1")
    add_event(goods["red garden chair"], customer=customer)
    ConsentRecord.objects.create(
        customer=customer, purpose="recommendations", is_granted=False, source="test"
    )
    answer = search(query="green", customer=customer, is_personal=True)
    writing.flush()
    assert not answer.is_personal
    assert SearchLog.objects.get().customer is None


def test_a_search_is_logged_with_what_came_of_it(trained, add_customer):
    customer = add_customer("c-1")
    answer = search(query="Coffe CUPS", customer=customer, session_id="session-12345")
    row = SearchLog.objects.get()
    assert row.key == answer.key
    assert (row.query, row.normalised, row.corrected) == ("Coffe CUPS", "coff cup", "coffee cups")
    assert (row.n_found, row.source, row.customer) == (4, "model", customer)
    assert row.milliseconds > 0
    search(query="cup", is_kept=False)
    search(query=" ")
    assert SearchLog.objects.count() == 1


def test_reports_tell_what_was_searched_most_and_in_vain(trained, add_event):
    for _n in range(3):
        answer = search(query="coffee cup", session_id=f"session-{uuid.uuid4()}")
    search(query="qqqwww zzzx")
    search(query="ZZZX  qqqwww")
    add_event(None, type="click", properties={"search": str(answer.key)}, days_ago=0)
    from ecomai.commerce.models import Event

    Event.objects.update(occurred_at=timezone.now())
    top = searches.top_queries(days=30)
    assert [(row.query, row.n_searches) for row in top] == [("coffee cup", 3), ("qqqwww zzzx", 2)]
    assert top[0].click_rate == pytest.approx(1 / 3)
    assert [(row.query, row.n_searches) for row in searches.queries_in_vain(days=30)] == [("qqqwww zzzx", 2)]


def test_old_searches_are_forgotten(trained):
    search(query="cup")
    search(query="pot")
    SearchLog.objects.filter(query="cup").update(created_at=timezone.now() - timezone.timedelta(days=91))
    assert searches.forget_old_searches() == 1
    assert SearchLog.objects.get().query == "pot"


# -- suggestions --------------------------------------------------------------------------------------


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
