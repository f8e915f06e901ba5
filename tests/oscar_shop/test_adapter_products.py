"""Products, variants, categories, prices and stock of Oscar as our items."""

from dataclasses import replace
from datetime import UTC, date
from decimal import Decimal

import pytest
from django.conf import settings
from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils import translation
from django.utils.translation import get_language
from oscar.apps.catalogue.categories import create_from_breadcrumbs
from oscar.core.loading import get_model
from oscar.test import factories
from oscar_fixtures import FIRST_DAY, make_product, make_shirt

from ecomai.commerce.adapters import sync
from ecomai.commerce.adapters.backfill import backfill
from ecomai.commerce.adapters.oscar import OscarAdapter
from ecomai.commerce.models import Item, RejectedRow
from ecomai.registry.models import Job

pytestmark = pytest.mark.django_db

GIF = bytes.fromhex("47494638396101000100800000000000ffffff2c00000000010001000002024401003b")


def read_items():
    return backfill(kinds=["item"])["adapter:item:catalogue.Product"]


def item_of(product):
    return Item.objects.get(external_id=str(product.pk))


def test_a_product_comes_in_whole():
    product = make_product("Blue cup", "12.50", 7, description="<p>Holds <b>tea</b> &amp; coffee.</p>")
    attribute = product.product_class.attributes.create(name="Brand", code="brand")
    product.attribute_values.create(attribute=attribute, value_text="Potter")
    factories.create_product_image(product, SimpleUploadedFile("cup.gif", GIF))
    type(product).objects.update(date_created=FIRST_DAY)
    assert read_items() == {"accepted": 1, "duplicate": 0, "rejected": 0}
    item = item_of(product)
    assert (item.title, item.description) == ("Blue cup", "Holds tea & coffee.")
    assert (item.category_path, item.brand) == ("Kitchen > Cups", "Potter")
    assert (item.price, item.currency, item.stock) == (Decimal("12.50"), "EUR", 7)
    assert item.attributes == {"type": "Ware", "brand": "Potter"}
    assert item.url == product.get_absolute_url()
    assert item.image_urls == [product.images.get().original.url]
    assert (item.is_active, item.listed_at) == (True, FIRST_DAY)


def test_what_is_kept_for_orders_is_not_in_stock():
    product = make_product(stock=7)
    product.stockrecords.update(num_allocated=3)
    read_items()
    assert item_of(product).stock == 4


@pytest.mark.parametrize(
    ("kind", "value", "said"),
    [
        ("text", "Red", "Red"),
        ("integer", 4, 4),
        ("float", 1.5, 1.5),
        ("boolean", True, True),
        ("richtext", "<i>Thin</i> &amp; light", "Thin & light"),
        ("date", date(2026, 2, 3), "2026-02-03"),
        ("datetime", FIRST_DAY.astimezone(UTC), "2026-01-01T09:00:00+00:00"),
    ],
)
def test_an_attribute_of_any_type_is_read(kind, value, said):
    product = make_product()
    attribute = product.product_class.attributes.create(name="Thing", code="thing", type=kind)
    product.attribute_values.create(attribute=attribute, **{f"value_{kind}": value})
    read_items()
    assert item_of(product).attributes["thing"] == said


def test_options_are_read_as_their_texts():
    product = make_product()
    group = get_model("catalogue", "AttributeOptionGroup").objects.create(name="Colours")
    red, blue = (group.options.create(option=name) for name in ("red", "blue"))
    one, many = (
        product.product_class.attributes.create(name=kind, code=kind, type=kind, option_group=group)
        for kind in ("option", "multi_option")
    )
    product.attribute_values.create(attribute=one, value_option=red)
    product.attribute_values.create(attribute=many).value_multi_option.set([red, blue])
    read_items()
    attributes = item_of(product).attributes
    assert (attributes["option"], attributes["multi_option"]) == ("red", "red, blue")


def test_a_product_without_stock_records_is_known_and_cannot_be_bought():
    product = make_product(price=None)
    assert read_items()["rejected"] == 0
    item = item_of(product)
    assert (item.price, item.currency, item.stock, item.is_in_stock) == (None, "", 0, False)


def test_a_stock_record_without_a_price_is_no_fault():
    product = make_product()
    product.stockrecords.update(price=None)
    read_items()
    assert (item_of(product).price, item_of(product).currency) == (None, "")


def test_where_stock_is_not_tracked_it_is_not_said():
    product = make_product()
    get_model("catalogue", "ProductClass").objects.update(track_stock=False)
    read_items()
    assert (item_of(product).stock, item_of(product).is_in_stock) == (None, True)


@pytest.mark.parametrize("currency", ["eur", "USD", "CHF"])
def test_a_changed_currency_follows(currency, commit):
    product = make_product()
    read_items()
    record = product.stockrecords.get()
    record.price_currency, record.price = currency, Decimal("11.00")
    with commit():
        record.save()
    assert (item_of(product).price, item_of(product).currency) == (11, currency.upper())


def test_a_price_in_no_currency_that_exists_is_left_out_and_not_the_product():
    product = make_product()
    product.stockrecords.update(price_currency="LOYALTY")
    assert read_items()["rejected"] == 0
    assert (item_of(product).price, item_of(product).currency) == (None, "")


# -- variants ----------------------------------------------------------------------------------------


def test_a_parent_is_the_item_and_its_variants_are_part_of_it():
    shirt = make_shirt(M=("20.00", 3), L=("25.00", 4))
    assert read_items() == {"accepted": 1, "duplicate": 0, "rejected": 0}
    item = item_of(shirt)
    assert (item.title, item.category_path) == ("Shirt", "Clothes > Shirts")
    assert (item.price, item.stock) == (20, 7), "Oscar's own price of a parent, and all pieces"
    assert item.attributes["size"] == "M, L"
    assert [variant["id"] for variant in item.attributes["variants"]] == [
        str(pk) for pk in shirt.children.order_by("pk").values_list("pk", flat=True)
    ]
    assert {variant["title"] for variant in item.attributes["variants"]} == {"Shirt"}, "inherited"


def test_variants_that_cannot_be_bought_do_not_count():
    shirt = make_shirt(S=("20.00", 0), M=("20.00", 3), L=(None, 0))
    shirt.children.filter(stockrecords__num_in_stock=3).update(is_public=False)
    read_items()
    assert item_of(shirt).stock == 0


def test_a_parent_without_any_variant_is_no_fault():
    shirt = make_shirt()
    assert read_items()["rejected"] == 0
    assert (item_of(shirt).price, item_of(shirt).stock) == (None, 0)


def test_what_happens_to_a_variant_happens_to_its_item(commit):
    shirt = make_shirt(M=("20.00", 3))
    read_items()
    (variant,) = shirt.children.all()
    with commit():
        variant.stockrecords.get().allocate(2)
    assert item_of(shirt).stock == 1
    with commit():
        make_product("Shirt XL", price="30.00", stock=9, parent=shirt)
    assert item_of(shirt).stock == 10
    with commit():
        variant.delete()
    assert item_of(shirt).stock == 9
    assert item_of(shirt).is_active
    assert Item.objects.count() == 1


def test_a_product_that_becomes_a_variant_is_no_item_of_its_own_any_more(commit):
    shirt, other = make_shirt(M=("20.00", 3)), make_product("Old shirt")
    read_items()
    other.structure, other.parent, other.product_class = "child", shirt, None
    with commit():
        other.save()
    assert not item_of(other).is_active
    assert item_of(shirt).stock == 8


# -- categories --------------------------------------------------------------------------------------


def test_the_narrowest_category_that_visitors_see_counts():
    product = make_product(category="Kitchen")
    for breadcrumbs in ("Gifts", "Kitchen > Cups > Blue", "Secret > Deep > Deeper > Hole"):
        product.categories.add(create_from_breadcrumbs(breadcrumbs))
    secret = get_model("catalogue", "Category").objects.get(name="Secret")
    secret.is_public = False
    secret.save()
    secret.set_ancestors_are_public()
    read_items()
    assert item_of(product).category_path == "Kitchen > Cups > Blue"


def test_a_product_in_no_category_is_no_fault():
    product = make_product(category=None)
    read_items()
    assert item_of(product).category_path == ""


def test_a_renamed_category_renames_the_paths_below_it(commit):
    product, other = make_product(), make_product(category="Garden")
    read_items()
    kitchen = get_model("catalogue", "Category").objects.get(name="Kitchen")
    kitchen.name = "Cooking"
    with commit():
        kitchen.save()
    assert item_of(product).category_path == "Cooking > Cups"
    assert item_of(other).category_path == "Garden"


def test_a_category_of_very_many_products_is_left_to_a_worker(commit, monkeypatch):
    products = [make_product() for _ in range(3)]
    read_items()
    monkeypatch.setattr(sync, "MOST_ROWS_AT_ONCE", 2)
    kitchen = get_model("catalogue", "Category").objects.get(name="Kitchen")
    kitchen.name = "Cooking"
    with commit():
        kitchen.save()
    assert item_of(products[0]).category_path == "Kitchen > Cups", "the admin's request does not wait for it"
    job = Job.objects.get(kind="commerce.backfill")
    assert job.arguments == {"kinds": ["item"], "restart": True}


def test_a_product_moved_to_another_category_follows(commit):
    product = make_product()
    read_items()
    with commit():
        product.categories.set([create_from_breadcrumbs("Garden > Pots")])
    assert item_of(product).category_path == "Garden > Pots"
    with commit():
        get_model("catalogue", "ProductCategory").objects.get(product=product).delete()
    assert item_of(product).category_path == ""


# -- changes -----------------------------------------------------------------------------------------


def test_a_hidden_and_a_deleted_product_can_no_longer_be_bought(commit):
    hidden, deleted = make_product(), make_product()
    read_items()
    hidden.is_public = False
    with commit():
        hidden.save()
    assert not item_of(hidden).is_active
    key = str(deleted.pk)
    with commit():
        deleted.delete()
    assert not Item.objects.get(external_id=key).is_active


def test_a_deleted_parent_takes_its_variants_along_without_a_fault(commit):
    shirt = make_shirt(M=("20.00", 3), L=("25.00", 4))
    read_items()
    with commit():
        shirt.delete()
    assert list(Item.objects.values_list("is_active", flat=True)) == [False]


def test_a_picture_and_an_attribute_follow(commit):
    product = make_product()
    read_items()
    attribute = product.product_class.attributes.create(name="Colour", code="colour")
    with commit():
        factories.create_product_image(product, SimpleUploadedFile("cup.gif", GIF))
        product.attribute_values.create(attribute=attribute, value_text="blue")
    item = item_of(product)
    assert (len(item.image_urls), item.attributes["colour"]) == (1, "blue")


def test_items_speak_the_shops_language_whoever_saves_them(commit):
    class Adapter(OscarAdapter):
        def mappings(self):
            named = [mapping for mapping in super().mappings() if mapping.kind == "item"]
            return [replace(mapping, title=lambda product: get_language()) for mapping in named]

    product = make_product()
    with translation.override("zh-hans"):
        backfill(adapter=Adapter())
        assert get_language() == "zh-hans"
    assert item_of(product).title == settings.LANGUAGE_CODE


def test_a_product_whose_row_is_bad_is_set_aside_and_the_rest_comes_in():
    bad, good = make_product(), make_product()
    type(bad).objects.filter(pk=bad.pk).update(title="")
    assert read_items() == {"accepted": 1, "duplicate": 0, "rejected": 1}
    assert RejectedRow.objects.get().payload["external_id"] == str(bad.pk)
    assert item_of(good)


def test_more_products_cost_no_more_queries(django_assert_max_num_queries):
    def grow():
        make_shirt(M=("20.00", 3), L=("25.00", 4))
        make_product(category="Kitchen > Cups > Tea")

    grow()
    # The end of an import also has the profiles of all customers computed, which is a job more.
    with django_assert_max_num_queries(32) as few:
        read_items()
    for _ in range(10):
        grow()
    with django_assert_max_num_queries(len(few)):
        read_items()
