"""What the shop's pages show of the catalogue and the orders."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from django.db.models import Count, QuerySet, Sum
from django.db.models.functions import Lower
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from ecomai.commerce.models import Customer, Item, Order, OrderLine
from ecomai.commerce.visitors import customer_id_of_login

SEPARATOR = " > "
NEW_DAYS = 14
POPULAR_DAYS = 60
SORTS: dict[str, tuple[Any, tuple[Any, ...]]] = {
    "": (_("Our choice"), ("-listed_at", "pk")),
    "price": (_("Price: low to high"), ("price", "pk")),
    "-price": (_("Price: high to low"), ("-price", "pk")),
    "new": (_("Newest first"), ("-listed_at", "pk")),
    "title": (_("Name"), (Lower("title"), "pk")),
}


@dataclass
class Category:
    """A node of the shop's category tree, by its full path."""

    name: str
    path: str
    children: list["Category"] = field(default_factory=list)


def customer_of(request: HttpRequest) -> Customer | None:
    """Return the logged-in customer's row, if the login is a customer's and we know it."""
    external_id = customer_id_of_login(request)
    return Customer.objects.filter(storefront="", external_id=external_id).first() if external_id else None


def items_on_sale() -> QuerySet[Item]:
    return Item.objects.filter(storefront="", is_active=True)


def category_tree() -> list[Category]:
    """Return departments with their shelves and leaves, in alphabetical order."""
    paths = items_on_sale().exclude(category_path="").values_list("category_path", flat=True).distinct()
    roots: list[Category] = []
    known: dict[str, Category] = {}
    for path in sorted(paths):
        names = path.split(SEPARATOR)
        siblings = roots
        for depth, name in enumerate(names, start=1):
            own_path = SEPARATOR.join(names[:depth])
            if own_path not in known:
                known[own_path] = Category(name, own_path)
                siblings.append(known[own_path])
            siblings = known[own_path].children
    return roots


def find_category(tree: list[Category], path: str) -> Category | None:
    for category in tree:
        if category.path == path:
            return category
        if path.startswith(category.path + SEPARATOR):
            return find_category(category.children, path)
    return None


def trail_of(path: str) -> list[Category]:
    """Return the categories from the department down to `path`, for the breadcrumbs."""
    names = [name for name in path.split(SEPARATOR) if name]
    return [Category(name, SEPARATOR.join(names[:depth])) for depth, name in enumerate(names, start=1)]


def items_in(path: str) -> QuerySet[Item]:
    """Return the items of a category and everything below it; '' is the whole shop."""
    items = items_on_sale()
    if not path:
        return items
    return items.filter(category_path=path) | items.filter(category_path__startswith=path + SEPARATOR)


def matching(items: QuerySet[Item], query: str) -> QuerySet[Item]:
    """Return the items in whose title, brand or category every word of the query occurs."""
    for word in query.split()[:8]:
        items = items.filter(title__icontains=word) | items.filter(category_path__icontains=word)
    return items


def filtered(items: QuerySet[Item], wishes: dict[str, Any]) -> QuerySet[Item]:
    """Narrow and order a listing by what the visitor chose (the cleaned data of `ListingForm`)."""
    if wishes.get("min_price") is not None:
        items = items.filter(price__gte=wishes["min_price"])
    if wishes.get("max_price") is not None:
        items = items.filter(price__lte=wishes["max_price"])
    if wishes.get("brand"):
        items = items.filter(brand=wishes["brand"])
    if wishes.get("in_stock"):
        items = items.exclude(stock__lte=0)
    return items.order_by(*SORTS[wishes.get("sort") or ""][1])


def brands_of(items: QuerySet[Item]) -> list[str]:
    brands = items.exclude(brand="").order_by("brand").values_list("brand", flat=True).distinct()
    return list(brands[:100])


def newest_items(n: int) -> list[Item]:
    return list(items_on_sale().exclude(stock__lte=0).order_by("-listed_at", "pk")[:n])


def popular_by_department(n: int) -> list[tuple[Category, list[Item]]]:
    """Return departments with their most bought items of late; those that sell most come first."""
    since = timezone.now() - timedelta(days=POPULAR_DAYS)
    sold = (
        OrderLine.objects.filter(order__placed_at__gte=since, item__is_active=True, item__storefront="")
        .exclude(order__status=Order.Status.CANCELLED)
        .values("item", "item__category_path")
        .annotate(n_sold=Sum("quantity"))
        .order_by("-n_sold", "item")
    )
    chosen: dict[str, list[int]] = {}
    totals: Counter[str] = Counter()
    for row in sold:
        department = row["item__category_path"].split(SEPARATOR)[0]
        totals[department] += row["n_sold"]
        if department and len(chosen.setdefault(department, [])) < n:
            chosen[department].append(row["item"])
    items = Item.objects.in_bulk([pk for pks in chosen.values() for pk in pks])
    order = sorted(chosen, key=lambda name: (-totals[name], name))
    return [(Category(name, name), [items[pk] for pk in chosen[name]]) for name in order]


def orders_of(customer: Customer, n: int = 20) -> QuerySet[Order]:
    return customer.orders.order_by("-placed_at").annotate(n_lines=Count("lines"))[:n]
