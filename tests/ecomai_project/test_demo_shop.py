"""The generated export folder: believable, consistent with its hidden tastes, and the same for a seed."""

import csv
import json
from collections import Counter, defaultdict
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from xml.etree import ElementTree

import pytest

from ecomai_project.demo.drawings.shapes import DRAWINGS
from ecomai_project.demo.generate import write_shop
from ecomai_project.demo.journeys import INTEREST_SHARES, INTERESTS, JOURNEYS
from ecomai_project.demo.products import PRODUCT_TYPES

UNTIL = datetime(2026, 3, 1, 12, tzinfo=UTC)
FILES = ("items.csv", "customers.csv", "orders.csv", "events.csv", "rates.csv", "truth.json")


def rows(folder: Path, name: str) -> list[dict[str, str]]:
    with (folder / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("shop")
    write_shop(folder, seed=3, n_customers=600, until=UNTIL)
    return folder


@pytest.fixture(scope="module")
def chinese_shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("chinese")
    write_shop(folder, language="zh", seed=3, n_customers=60, until=UNTIL)
    return folder


def test_same_seed_writes_the_same_files(tmp_path):
    for name in ("one", "two"):
        write_shop(tmp_path / name, seed=5, n_customers=40, until=UNTIL)
    for name in FILES:
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()


def test_another_seed_writes_another_history(tmp_path):
    for seed in (5, 6):
        write_shop(tmp_path / str(seed), seed=seed, n_customers=40, until=UNTIL)
    assert (tmp_path / "5" / "events.csv").read_bytes() != (tmp_path / "6" / "events.csv").read_bytes()


def test_counts_are_those_of_the_files_and_progress_ends_at_one(tmp_path):
    seen: list[float] = []
    counts = write_shop(tmp_path, n_customers=40, until=UNTIL, report=lambda share, _text: seen.append(share))
    files = {"order lines": "orders.csv"}
    assert counts == {name: len(rows(tmp_path, files.get(name, f"{name}.csv"))) for name in counts}
    assert seen == sorted(seen)
    assert seen[-1] == 1.0


def test_catalogue_has_hundreds_of_unlike_products_in_three_levels(shop):
    items = rows(shop, "items.csv")
    assert 400 <= len(items) <= 600
    assert len({item["external_id"] for item in items}) == len(items)
    assert len({item["title"] for item in items}) == len(items)
    assert {len(item["category_path"].split(" > ")) for item in items} == {3}
    assert len({item["category_path"].split(" > ")[0] for item in items}) >= 8


def test_texts_are_filled_in_and_fit_the_attributes(shop):
    for item in rows(shop, "items.csv"):
        text = item["title"] + item["description"]
        assert "{" not in text
        assert item["brand"] in item["title"]
        attributes = json.loads(item["attributes"])
        assert any(value in item["title"] for value in attributes.values())


def test_prices_and_stock_are_sane(shop):
    items = rows(shop, "items.csv")
    assert all(Decimal("1") < Decimal(item["price"]) < Decimal("2000") for item in items)
    assert {item["currency"] for item in items} == {"EUR"}
    sold_out = [item for item in items if item["stock"] == "0"]
    assert 0.02 < len(sold_out) / len(items) < 0.15
    assert all(int(item["stock"]) >= 0 for item in items)


def test_a_few_items_are_new_and_nobody_has_met_them(shop):
    met = {event["item_id"] for event in rows(shop, "events.csv")}
    newcomers = [
        item
        for item in rows(shop, "items.csv")
        if datetime.fromisoformat(item["listed_at"]) > UNTIL - timedelta(days=10)
    ]
    assert 5 <= len(newcomers) <= 60
    assert not met & {item["external_id"] for item in newcomers}


def test_nothing_happens_after_until_or_before_an_item_is_listed(shop):
    listed = {
        item["external_id"]: datetime.fromisoformat(item["listed_at"]) for item in rows(shop, "items.csv")
    }
    for event in rows(shop, "events.csv"):
        moment = datetime.fromisoformat(event["occurred_at"])
        assert UNTIL - timedelta(days=366) < moment < UNTIL
        assert not event["item_id"] or listed[event["item_id"]] < moment
    assert all(datetime.fromisoformat(line["placed_at"]) < UNTIL for line in rows(shop, "orders.csv"))


def test_every_id_that_is_named_exists(shop):
    items = {item["external_id"] for item in rows(shop, "items.csv")}
    customers = {customer["external_id"] for customer in rows(shop, "customers.csv")}
    orders = rows(shop, "orders.csv")
    events = rows(shop, "events.csv")
    assert {line["item_id"] for line in orders} <= items
    assert {line["customer_id"] for line in orders} <= customers
    assert {event["item_id"] for event in events} <= items | {""}
    assert {event["customer_id"] for event in events} <= customers | {""}
    assert {event["order_id"] for event in events} <= {line["order_id"] for line in orders} | {""}
    assert len({event["key"] for event in events}) == len(events)


def test_purchases_are_left_to_the_orders(shop):
    """An import derives purchases and returns from orders; events that said them too would count twice."""
    kinds = Counter(event["type"] for event in rows(shop, "events.csv"))
    assert not {"purchase", "return"} & set(kinds)
    assert {"view", "search", "cart", "impression", "click", "login"} <= set(kinds)


def test_customers_buy_mostly_what_their_hidden_taste_says(shop):
    truth = json.loads((shop / "truth.json").read_text(encoding="utf-8"))
    leaf_of = {
        item["external_id"]: item["category_path"].split(" > ")[-1] for item in rows(shop, "items.csv")
    }
    orders = rows(shop, "orders.csv")
    in_taste = [leaf_of[line["item_id"]] in truth[line["customer_id"]]["leaves"] for line in orders]
    by_chance = (
        sum(len(set(customer["leaves"])) for customer in truth.values())
        / len(truth)
        / len(set(leaf_of.values()))
    )
    assert sum(in_taste) / len(in_taste) > 0.75
    assert by_chance < 0.25


def test_favourite_brands_are_bought_more_than_others(shop):
    truth = json.loads((shop / "truth.json").read_text(encoding="utf-8"))
    item_of = {item["external_id"]: item for item in rows(shop, "items.csv")}
    favourite = [
        item_of[line["item_id"]]["brand"] == truth[line["customer_id"]]["brands"][line["item_id"][:2]]
        for line in rows(shop, "orders.csv")
    ]
    assert sum(favourite) / len(favourite) > 0.3  # a department has four or five brands, a shelf two or three


def test_what_was_bought_last_tells_more_than_what_sells_best(shop):
    """The order of purchases must carry information, or no sequence model could beat popularity."""
    sequences = defaultdict(list)
    for line in rows(shop, "orders.csv"):
        sequences[line["customer_id"]].append(line["item_id"])
    known = {customer: bought for customer, bought in sequences.items() if len(bought) > 3}
    popular = Counter(item for bought in known.values() for item in bought[:-1])
    followers: dict[str, Counter[str]] = defaultdict(Counter)
    for bought in known.values():
        for before, after in pairwise(bought[:-1]):
            followers[before][after] += 1
    top = [item for item, _n in popular.most_common(10)]
    n_popular = sum(bought[-1] in top for bought in known.values())
    n_followed = sum(
        bought[-1] in [item for item, _n in followers[bought[-2]].most_common(10)]
        for bought in known.values()
    )
    assert n_followed > 1.5 * n_popular


def test_consumables_are_bought_again_and_shoes_come_back(shop):
    kind_of = {item["external_id"]: item["external_id"][:-3] for item in rows(shop, "items.csv")}
    sold, returned = Counter(), Counter()
    bought = defaultdict(list)
    for line in rows(shop, "orders.csv"):
        sold[kind_of[line["item_id"]]] += int(line["quantity"])
        returned[kind_of[line["item_id"]]] += int(line["returned_quantity"])
        bought[line["customer_id"]].append(line["item_id"])
    repeats = Counter(
        kind_of[item] for items in bought.values() for item, n in Counter(items).items() if n > 1
    )
    assert repeats["CT-ESPBE"] > 5
    assert returned["SO-RUNSH"] / sold["SO-RUNSH"] > 0.1
    assert returned["CT-ESPBE"] / sold["CT-ESPBE"] < 0.05


def test_searches_hold_mistakes(shop):
    queries = Counter(event["query"] for event in rows(shop, "events.csv") if event["type"] == "search")
    nouns = {product.noun.en.lower() for product in PRODUCT_TYPES.values()}
    assert sum(n for query, n in queries.items() if query in nouns) > 0.3 * queries.total()
    assert sum(1 for query, n in queries.items() if n == 1) > 20


def test_every_item_has_a_drawing_in_well_formed_svg(shop):
    for item in rows(shop, "items.csv"):
        (url,) = json.loads(item["image_urls"])
        picture = shop / "images" / url.rsplit("/", 1)[1]
        assert ElementTree.parse(picture).getroot().attrib["viewBox"] == "0 0 400 400"
        assert picture.stat().st_size < 20_000


def test_drawings_journeys_and_interests_name_known_types():
    assert set(DRAWINGS) == set(PRODUCT_TYPES)
    assert {key for journey in JOURNEYS for key in (journey.first, journey.then)} <= set(PRODUCT_TYPES)
    assert {key for wants in INTERESTS.values() for key in wants} == set(PRODUCT_TYPES)
    assert set(INTEREST_SHARES) == set(INTERESTS)


def test_chinese_edition_is_chinese_in_yuan_with_the_same_items(shop, chinese_shop):
    items = rows(chinese_shop, "items.csv")
    assert [item["external_id"] for item in items] == [
        item["external_id"] for item in rows(shop, "items.csv")
    ]
    assert {item["currency"] for item in items} == {"CNY"}
    for item in items:
        for name in ("title", "description", "category_path"):
            assert any("\u4e00" <= letter <= "\u9fff" for letter in item[name])
    languages = {customer["language"] for customer in rows(chinese_shop, "customers.csv")}
    assert "zh-hans" in languages
    assert languages <= {"zh-hans", "zh-hant"}


def test_every_currency_of_an_order_has_a_rate_before_it(shop):
    first: dict[str, str] = {}
    for rate in rows(shop, "rates.csv"):
        first[rate["currency"]] = min(first.get(rate["currency"], "9"), rate["valid_from"])
        assert Decimal(rate["rate"]) > 0
    for line in rows(shop, "orders.csv"):
        assert first[line["currency"]] <= line["placed_at"][:10]
