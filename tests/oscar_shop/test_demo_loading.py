"""`load_export`: a generated shop and a foreign history in Oscar's tables, once, and whole in the end."""

import csv
from collections import Counter
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from django.contrib.auth import authenticate, get_user_model
from django.core.management import CommandError, call_command
from django.db.models import Max, Sum
from django.urls import reverse
from django.utils.dateparse import parse_datetime
from oscar.core.loading import get_model
from sorl.thumbnail import get_thumbnail

from ecomai.commerce import models as ours
from ecomai.commerce.adapters.backfill import backfill
from ecomai_project.demo.generate import write_shop

pytestmark = pytest.mark.django_db
UNTIL = datetime(2026, 3, 1, 12, tzinfo=UTC)

Basket = get_model("basket", "Basket")
BasketLine = get_model("basket", "Line")
Category = get_model("catalogue", "Category")
Line = get_model("order", "Line")
Order = get_model("order", "Order")
Product = get_model("catalogue", "Product")
ProductRecord = get_model("analytics", "ProductRecord")
ProductReview = get_model("reviews", "ProductReview")
ShippingEventQuantity = get_model("order", "ShippingEventQuantity")
StockRecord = get_model("partner", "StockRecord")
UserProductView = get_model("analytics", "UserProductView")
UserSearch = get_model("analytics", "UserSearch")
WishListLine = get_model("wishlists", "Line")
KEPT = (
    get_user_model(), Basket, BasketLine, Category, Line, Order, Product, ProductRecord, ProductReview,
    ShippingEventQuantity, StockRecord, UserProductView, UserSearch, WishListLine,
)  # fmt: skip


@pytest.fixture(scope="module")
def export(tmp_path_factory):
    folder = tmp_path_factory.mktemp("export")
    write_shop(folder, seed=3, n_customers=60, until=UNTIL)
    # Drawing all pictures takes most of the time, and a few show it.
    for picture in sorted((folder / "images").iterdir())[5:]:
        picture.unlink()
    return folder


@pytest.fixture
def index(settings, tmp_path):
    """A search index of the test's own."""
    from haystack import connections

    connections["default"].options["PATH"] = str(tmp_path / "index")
    connections.reload("default")


@pytest.fixture
def loaded(export):
    call_command("load_export", export, password="open sesame", no_index=True)


def rows(folder, name):
    with (folder / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def counts():
    return {model._meta.label: model.objects.count() for model in KEPT}


def test_everything_of_the_export_is_in_oscar(export, loaded):
    items, lines, events = (rows(export, f"{name}.csv") for name in ("items", "orders", "events"))
    assert Product.objects.count() == len(items)
    assert Line.objects.count() == len(lines)
    assert set(Order.objects.values_list("number", flat=True)) == {line["order_id"] for line in lines}
    known = Counter(event["type"] for event in events if event["customer_id"])
    assert UserProductView.objects.count() == known["view"]
    assert UserSearch.objects.count() == known["search"]
    assert 0 < ProductReview.objects.count() <= known["rating"]
    assert 0 < WishListLine.objects.count() <= known["wishlist"]
    returned = sum(int(line["returned_quantity"]) for line in lines)
    assert ShippingEventQuantity.objects.aggregate(n=Sum("quantity"))["n"] == returned


def test_a_product_has_its_place_price_stock_time_attributes_and_picture(export, loaded):
    drawn = min(path.stem for path in (export / "images").iterdir())
    item = next(row for row in rows(export, "items.csv") if row["external_id"] == drawn)
    product = Product.objects.get(upc=item["external_id"])
    assert product.title == item["title"]
    assert product.date_created == parse_datetime(item["listed_at"])
    assert product.categories.get().full_name == item["category_path"]
    record = product.stockrecords.get()
    assert (record.price, record.price_currency) == (Decimal(item["price"]), "EUR")
    assert record.num_in_stock == int(item["stock"])
    assert product.attr.brand == item["brand"]
    thumbnail = get_thumbnail(product.images.get().original, "100x100")
    assert max(thumbnail.size) == 100


def test_times_are_those_of_the_history(export, loaded):
    view = next(row for row in rows(export, "events.csv") if row["type"] == "view" and row["customer_id"])
    kept = UserProductView.objects.filter(
        user__username=view["customer_id"], product__upc=view["item_id"]
    ).values_list("date_created", flat=True)
    assert parse_datetime(view["occurred_at"]) in kept


def test_counters_are_those_of_everybody(export, loaded):
    views = Counter(row["item_id"] for row in rows(export, "events.csv") if row["type"] == "view")
    upc, n_views = views.most_common(1)[0]
    record = ProductRecord.objects.get(product__upc=upc)
    sold = Line.objects.filter(product__upc=upc).aggregate(n=Sum("quantity"))["n"] or 0
    assert (record.num_views, record.num_purchases) == (n_views, sold)
    rated = ProductReview.objects.first().product
    assert rated.rating == pytest.approx(rated.calculate_rating())


def test_what_customers_left_behind_is_in_their_open_baskets(export, loaded):
    """What they took out again or went on to buy is not, nor what they put in long ago."""
    baskets: dict[str, dict[str, datetime]] = {}
    for row in rows(export, "events.csv"):
        if row["customer_id"] and row["type"] in ("cart", "cart_remove", "purchase"):
            inside = baskets.setdefault(row["customer_id"], {})
            if row["type"] == "cart":
                inside[row["item_id"]] = parse_datetime(row["occurred_at"])
            else:
                inside.pop(row["item_id"], None)
    added = [row for row in rows(export, "events.csv") if row["type"].startswith("cart")]
    newest = max(parse_datetime(row["occurred_at"]) for row in added)
    orders = Order.objects.values("user__username").annotate(at=Max("date_placed"))
    bought = dict(orders.values_list("user__username", "at"))
    expected = {
        (user, item, at)
        for user, inside in baskets.items()
        for item, at in inside.items()
        if newest - at <= timedelta(days=30) and (user not in bought or bought[user] < at)
    }
    lines = BasketLine.objects.values_list("basket__owner__username", "product__upc", "date_created")
    assert set(lines) == expected
    assert expected
    assert not Basket.objects.exclude(status=Basket.OPEN).exists()
    backfill()
    events = ours.Event.objects.filter(type="cart")
    assert set(events.values_list("occurred_at", flat=True)) == {at for _user, _item, at in expected}


def test_customers_log_in_with_oscars_own_login(client, loaded):
    user = get_user_model().objects.filter(orders__isnull=False).first()
    assert authenticate(username=user.email, password="open sesame") == user
    login = {"login-username": user.email, "login-password": "open sesame", "login_submit": "Log In"}
    client.post(reverse("customer:login"), login)
    page = client.get(reverse("customer:order-list")).content.decode()
    assert user.orders.first().number in page


def test_a_second_load_changes_nothing(export, loaded):
    before = counts()
    call_command("load_export", export, password="open sesame", no_index=True)
    assert counts() == before


def test_a_load_that_broke_off_is_completed(export, monkeypatch):
    from oscar_shop.loading import activity, bulk

    monkeypatch.setattr(bulk.in_chunks, "__defaults__", (300,))
    write, calls = activity.ActivityLoader._searches, []

    def break_off(self, found):
        calls.append(found)
        if len(calls) == 3:
            raise KeyboardInterrupt
        write(self, found)

    monkeypatch.setattr(activity.ActivityLoader, "_searches", break_off)
    with pytest.raises(KeyboardInterrupt):
        call_command("load_export", export, no_index=True)
    n_half = UserProductView.objects.count()
    monkeypatch.setattr(activity.ActivityLoader, "_searches", write)

    call_command("load_export", export, no_index=True)

    known = Counter(row["type"] for row in rows(export, "events.csv") if row["customer_id"])
    assert 0 < n_half < known["view"]
    assert UserProductView.objects.count() == known["view"]
    assert UserSearch.objects.count() == known["search"]


def test_catalogue_category_and_search_pages_list_products(client, export, index, settings):
    settings.ROOT_URLCONF = "oscar_search_urls"
    call_command("load_export", export)
    category = Category.objects.get(name="Mugs")
    for address in (
        reverse("catalogue:index"),
        category.get_absolute_url(),
        "/oscars-search/?q=mugs",
    ):
        page = client.get(address).content.decode()
        assert page.count('class="product_pod"') > 5, address


def test_what_the_adapter_reads_is_what_the_export_said(export, loaded):
    backfill()
    lines = rows(export, "orders.csv")
    assert ours.Item.objects.count() == len(rows(export, "items.csv"))
    statuses = dict(ours.Order.objects.values_list("external_id", "status"))
    assert statuses == {line["order_id"]: line["status"] for line in lines}
    sums = ours.OrderLine.objects.aggregate(n=Sum("quantity"), back=Sum("returned_quantity"))
    assert sums["n"] == sum(int(line["quantity"]) for line in lines)
    assert sums["back"] == sum(int(line["returned_quantity"]) for line in lines)
    assert set(ours.Order.objects.values_list("currency", flat=True)) == {line["currency"] for line in lines}
    customers = {row["external_id"]: row["country"] for row in rows(export, "customers.csv")}
    users = dict(get_user_model().objects.values_list("pk", "username"))
    read = ours.Customer.objects.values_list("external_id", "country")
    assert {users[int(pk)]: country for pk, country in read} == customers


def test_chinese_words_are_found_inside_sentences(client, index, tmp_path, settings):
    settings.ROOT_URLCONF = "oscar_search_urls"
    write_shop(tmp_path / "zh", language="zh", seed=3, n_customers=1, until=UNTIL)
    for picture in (tmp_path / "zh" / "images").iterdir():
        picture.unlink()
    call_command("load_export", tmp_path / "zh", language="zh-hans")
    page = client.get("/oscars-search/", {"q": "马克杯"}).content.decode()
    assert page.count('class="product_pod"') > 3


RETAIL = """InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country
1001,MUG,Blue mug,6,2011-01-03 09:00:00,2.55,17850,United Kingdom
1001,POST,POSTAGE,1,2011-01-03 09:00:00,18.00,17850,United Kingdom
1002,MUG,Blue mug,2,2011-01-04 09:00:00,2.55,17850,United Kingdom
1003,MUG,Blue mug,1,2011-01-04 10:00:00,2.55,,France
C1004,MUG,Blue mug,-3,2011-01-05 09:00:00,2.55,17850,United Kingdom
C1005,MUG,Blue mug,-9,2011-01-06 09:00:00,2.55,17850,United Kingdom
"""


@pytest.fixture
def retail(tmp_path):
    folder = tmp_path / "retail"
    folder.mkdir()
    (folder / "online_retail.csv").write_text(RETAIL)
    return folder


def test_a_file_of_order_lines_alone_is_enough_and_credit_notes_go_to_what_was_bought(retail):
    for _time in range(2):
        call_command("load_export", retail, no_index=True)
    assert list(Product.objects.values_list("upc", "title")) == [("MUG", "Blue mug")]
    assert set(Order.objects.values_list("number", "user__username")) == {
        ("1001", "17850"), ("1002", "17850"), ("1003", None),
    }  # fmt: skip
    back = ShippingEventQuantity.objects.values("line__order__number").annotate(n=Sum("quantity"))
    # The latest purchase first, never more than was bought: 3 of 2 + 6, then 5 of the 9 that are left.
    assert {row["line__order__number"]: row["n"] for row in back} == {"1002": 2, "1001": 6}
    assert Line.objects.get(title="POSTAGE").product is None


def test_without_a_password_nobody_can_log_in(retail):
    call_command("load_export", retail, no_index=True)
    assert not get_user_model().objects.get(username="17850").has_usable_password()


def test_a_folder_without_tables_is_said(tmp_path):
    with pytest.raises(CommandError, match="unknown_file"):
        call_command("load_export", tmp_path)
