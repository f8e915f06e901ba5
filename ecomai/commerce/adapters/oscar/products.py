"""Products: an item is what Oscar lists, a stand-alone product or a parent; its variants are part of it."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from html import unescape
from typing import Any

from django.db.models import Prefetch
from django.urls import NoReverseMatch
from django.utils.html import strip_tags

from ecomai.commerce.adapters.mapping import ItemMapping
from ecomai.commerce.checking import CURRENCY

PATH_SEPARATOR = " > "


@dataclass(frozen=True)
class Facts:
    """What a chunk of products needs besides its own rows."""

    category_path: str
    price: Decimal | None
    currency: str
    stock: int | None


def item_mapping(brand_attributes: Sequence[str]) -> ItemMapping:
    return ItemMapping(
        model="catalogue.Product",
        filter={"parent__isnull": True},
        title="get_title",
        description=description_of,
        category_path="ecomai.category_path",
        brand=partial(brand_of, tuple(brand_attributes)),
        attributes=attributes_of,
        price="ecomai.price",
        currency="ecomai.currency",
        stock="ecomai.stock",
        url=url_of,
        image_urls=image_urls_of,
        is_active="is_public",
        listed_at="date_created",
        select_related=["product_class"],
        prefetch_related=["stockrecords", "images", "categories"],
        adjust=with_variants,
        attach=attach_facts,
        m2m=["categories"],
        touched_by={
            "catalogue.Product": "parent_id",
            "catalogue.Category": products_in,
            "catalogue.ProductCategory": item_key_of,
            "catalogue.ProductImage": item_key_of,
            "catalogue.ProductAttributeValue": item_key_of,
            "partner.StockRecord": item_key_of,
        },
    )


def item_id_of(product: Any) -> str:
    """The id of the item that a product belongs to: a variant's is its parent's."""
    return str(product.parent_id or product.pk)


def item_key_of(part: Any) -> Any:
    """The primary key of the item that a stock record, picture or the like belongs to, if it still exists."""
    products = type(part)._meta.get_field("product").related_model._default_manager
    found = products.filter(pk=part.product_id).values_list("pk", "parent_id").first()
    return found and (found[1] or found[0])


def products_in(category: Any) -> list[Any]:
    """The products whose path of categories has this one in it."""
    from oscar.core.loading import get_model

    inside = get_model("catalogue", "ProductCategory")._default_manager.filter(
        category__path__startswith=category.path
    )
    return list(inside.order_by().values_list("product_id", flat=True).distinct())


# -- reading -----------------------------------------------------------------------------------------


def with_variants(products: Any) -> Any:
    from oscar.core.loading import get_model

    values = (
        get_model("catalogue", "ProductAttributeValue")
        ._default_manager.select_related("attribute", "value_option")
        .prefetch_related("value_multi_option")
    )
    with_values = Prefetch("attribute_values", values.order_by("attribute__code", "pk"))
    variants = get_model("catalogue", "Product").objects.public().order_by("pk")
    variants = variants.prefetch_related("stockrecords", with_values)
    return products.prefetch_related(with_values).prefetch_public_children(variants)


def attach_facts(products: Sequence[Any]) -> None:
    """Ask Oscar's strategy, as for a visitor who is not logged in, and name the categories."""
    from oscar.core.loading import get_class

    strategy = get_class("partner.strategy", "Selector")().strategy()
    names = category_names(products)
    for product in products:
        price, currency = price_of(product, strategy)
        product.ecomai = Facts(category_path_of(product, names), price, currency, stock_of(product, strategy))


def category_names(products: Iterable[Any]) -> dict[str, str]:
    """Names by tree path of all categories that the products lie in, with those above them, in one query."""
    categories = [category for product in products for category in product.categories.all()]
    if not categories:
        return {}
    model = type(categories[0])
    paths = {path for category in categories for path in _paths_down_to(category)}
    return dict(model._default_manager.filter(path__in=paths).values_list("path", "name"))


def category_path_of(product: Any, names: dict[str, str]) -> str:
    """The narrowest of the categories that visitors see; of several the first in the tree."""
    seen = [
        category
        for category in product.categories.all()
        if category.is_public and category.ancestors_are_public
    ]
    if not seen:
        return ""
    category = min(seen, key=lambda category: (-category.depth, category.path))
    return PATH_SEPARATOR.join(names.get(path, "") for path in _paths_down_to(category))[:500]


def _paths_down_to(category: Any) -> list[str]:
    step = category.steplen
    return [category.path[: end * step] for end in range(1, len(category.path) // step + 1)]


def price_of(product: Any, strategy: Any) -> tuple[Decimal | None, str]:
    """Price and currency, with tax where it is known; of a parent what Oscar shows: its first variant's."""
    offer = strategy.fetch_for_parent(product) if product.is_parent else strategy.fetch_for_product(product)
    price = offer.price
    currency = currency_code(price.currency)
    if not price.exists or not currency:
        return None, ""
    return (price.incl_tax if price.is_tax_known else price.excl_tax), currency


def currency_code(currency: Any) -> str:
    """The three letters that we take; Oscar has room for twelve of any kind."""
    code = str(currency or "").strip().upper()
    return code if CURRENCY.fullmatch(code) else ""


def stock_of(product: Any, strategy: Any) -> int | None:
    """How many can be bought now, all variants together; None where the shop does not count them.

    A product without a stock record cannot be bought, so there are none of it.
    """
    sold = product.get_public_children() if product.is_parent else [product]
    offers = [strategy.fetch_for_product(one).availability for one in sold]
    available = [offer for offer in offers if offer.is_available_to_buy]
    counted: list[Any] = [getattr(offer, "num_available", None) for offer in available]
    if None in counted:
        return None
    return sum(counted)


def description_of(product: Any) -> str:
    return unescape(strip_tags(product.description)).strip()


def url_of(product: Any) -> str:
    try:
        return product.get_absolute_url()
    except NoReverseMatch:  # a shop that has its pages elsewhere
        return ""


def image_urls_of(product: Any) -> list[str]:
    return [image.original.url for image in product.images.all() if image.original]


def brand_of(codes: Sequence[str], product: Any) -> str:
    values = _values(product)
    return next((str(values[code])[:200] for code in codes if values.get(code)), "")


def attributes_of(product: Any) -> dict[str, Any]:
    """The product's own attributes; of its variants the values they come in, and what they are called."""
    said: dict[str, Any] = {}
    if product.product_class:
        said["type"] = product.product_class.name
    if product.is_parent:
        variants = product.get_public_children()
        said.update(_choices(variants))
        said["variants"] = [
            {"id": str(one.pk), "title": one.get_title(), "upc": one.upc or ""} for one in variants
        ]
    return {**said, **_values(product)}


def _choices(variants: Iterable[Any]) -> dict[str, str]:
    choices: dict[str, dict[str, None]] = defaultdict(dict)
    for variant in variants:
        for code, value in _values(variant).items():
            choices[code][str(value)] = None
    return {code: ", ".join(values) for code, values in choices.items()}


def _values(product: Any) -> dict[str, Any]:
    return dict(_each_value(product))


def _each_value(product: Any) -> Iterator[tuple[str, Any]]:
    for row in product.attribute_values.all():
        kind, code = row.attribute.type, row.attribute.code
        if kind in {"file", "image", "entity"}:
            continue
        value = getattr(row, f"value_{kind}")
        if kind == "multi_option":
            value = ", ".join(option.option for option in value.all())
        elif kind == "option":
            value = value and value.option
        elif kind == "richtext":
            value = unescape(strip_tags(value or "")).strip()
        elif kind in {"date", "datetime"}:
            value = value and value.isoformat()
        if value not in (None, ""):
            yield code, value
