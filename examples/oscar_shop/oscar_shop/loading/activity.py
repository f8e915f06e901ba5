"""What customers looked at, searched for, wished for and thought, where Oscar keeps it; and its counters."""

from collections import Counter, defaultdict
from typing import Any

from django.contrib.auth import get_user_model
from django.db import transaction
from django.db.models import Avg, Count, Max, Sum
from oscar.core.loading import get_model

from .baskets import Basket, BasketLoader
from .bulk import in_chunks, set_times

Line = get_model("order", "Line")
Order = get_model("order", "Order")
Product = get_model("catalogue", "Product")
ProductRecord = get_model("analytics", "ProductRecord")
ProductReview = get_model("reviews", "ProductReview")
UserProductView = get_model("analytics", "UserProductView")
UserRecord = get_model("analytics", "UserRecord")
UserSearch = get_model("analytics", "UserSearch")
WishList = get_model("wishlists", "WishList")
WishListLine = get_model("wishlists", "Line")

# The export has stars without words; Oscar's reviews need both.
OPINIONS = {
    "en": ("Not for me", "Disappointing", "Does what it should", "Very good", "I would buy it again"),
    "zh": ("不适合我", "有些失望", "中规中矩", "非常好", "还会再买"),
}
WORDS = {
    "en": (
        "It was not what I had hoped for.",
        "I expected more for the price.",
        "No more and no less than promised.",
        "Well made, and it came quickly.",
        "I use it every day and would not give it back.",
    ),
    "zh": (
        "和我期待的不一样。",
        "以这个价格，我本来期望更多。",
        "和描述的一样，不多不少。",
        "做工不错，到货也快。",
        "每天都在用，不愿意还回去。",
    ),
}
Found = tuple[int | None, int | None, dict[str, Any]]


class ActivityLoader:
    """Oscar keeps what known customers did; of others it counts views, additions to baskets and purchases."""

    def __init__(self, language: str) -> None:
        self.language = "zh" if language.startswith("zh") else "en"
        self.users = dict(get_user_model().objects.values_list("username", "pk"))
        self.products = dict(Product.objects.filter(upc__isnull=False).values_list("upc", "pk"))
        self.counts: Counter[str] = Counter()
        self.views: Counter[int] = Counter()
        self.additions: Counter[int] = Counter()
        self.user_additions: Counter[int] = Counter()
        self.baskets = BasketLoader()

    def load(self, events: Any) -> None:
        for chunk in in_chunks(events):
            by_type = defaultdict(list)
            for event in chunk:
                by_type[event["type"]].append(self._who_and_what(event))
            with transaction.atomic():
                self._views(by_type["view"])
                self._searches(by_type["search"])
                self._wishes(by_type["wishlist"])
                self._reviews(by_type["rating"])
            for user, product, _event in by_type["cart"]:
                self.additions[product] += 1
                self.user_additions[user] += 1
            self.baskets.load(chunk, self.users, self.products)
        self.counts[str(Basket._meta.verbose_name_plural)] += self.baskets.write()
        self._count()

    def _who_and_what(self, event: dict[str, Any]) -> Found:
        user = self.users.get(event.get("customer_id", ""))
        return user, self.products.get(event.get("item_id", "")), event

    def _views(self, found: list[Found]) -> None:
        self.views.update(product for _user, product, _event in found if product)
        rows = [(user, product, event["occurred_at"]) for user, product, event in found if user and product]
        self._write(UserProductView, ("user_id", "product_id"), rows)

    def _searches(self, found: list[Found]) -> None:
        rows = [
            (user, event["query"][:255], event["occurred_at"])
            for user, _product, event in found
            if user and event.get("query")
        ]
        self._write(UserSearch, ("user_id", "query"), rows)

    def _write(self, model: Any, fields: tuple[str, str], rows: list[tuple]) -> None:
        """Insert the rows that are not there yet, with their own times."""
        if not rows:
            return
        span = (min(row[2] for row in rows), max(row[2] for row in rows))
        known = set(model.objects.filter(date_created__range=span).values_list(*fields, "date_created"))
        new = [row for row in dict.fromkeys(rows) if row not in known]
        created = model.objects.bulk_create(model(**dict(zip(fields, row, strict=False))) for row in new)
        set_times(model, "date_created", [(one.pk, row[2]) for one, row in zip(created, new, strict=True)])
        self.counts[str(model._meta.verbose_name_plural)] += len(new)

    def _wishes(self, found: list[Found]) -> None:
        for user, product, _event in found:
            if user and product:
                wishlist, _created = WishList.objects.get_or_create(owner_id=user)
                title = Product.objects.values_list("title", flat=True).get(pk=product)
                WishListLine.objects.get_or_create(
                    wishlist=wishlist, product_id=product, defaults={"title": title, "quantity": 1}
                )

    def _reviews(self, found: list[Found]) -> None:
        by_user = ProductReview.objects.filter(user__in={user for user, _product, _event in found if user})
        known = set(by_user.values_list("product_id", "user_id"))
        new = {}
        for user, product, event in found:
            stars = int((event.get("properties") or {}).get("stars", 0))
            if user and product and 1 <= stars <= 5 and (product, user) not in known:
                new[product, user] = (stars, event["occurred_at"])
        rows = ProductReview.objects.bulk_create(
            ProductReview(
                product_id=product, user_id=user, score=stars, status=ProductReview.APPROVED,
                title=OPINIONS[self.language][stars - 1], body=WORDS[self.language][stars - 1],
            )
            for (product, user), (stars, _at) in new.items()
        )  # fmt: skip
        times = [(row.pk, at) for row, (_stars, at) in zip(rows, new.values(), strict=True)]
        set_times(ProductReview, "date_created", times)
        self.counts[str(ProductReview._meta.verbose_name_plural)] += len(new)

    def _count(self) -> None:
        """Fill Oscar's counters and stars where they are empty; later ones move by themselves."""
        by_product = Line.objects.filter(product__isnull=False).values("product")
        sold = dict(by_product.annotate(n=Sum("quantity")).values_list("product", "n"))
        ProductRecord.objects.bulk_create(
            (
                ProductRecord(
                    product_id=pk, num_views=self.views[pk], num_basket_additions=self.additions[pk],
                    num_purchases=sold.get(pk, 0),
                )
                for pk in self.products.values()
            ),
            ignore_conflicts=True,
        )  # fmt: skip
        self._count_of_users()
        approved = ProductReview.objects.filter(status=ProductReview.APPROVED)
        stars = approved.values("product").annotate(stars=Avg("score"))
        rated = [Product(pk=row["product"], rating=row["stars"]) for row in stars]
        Product.objects.bulk_update(rated, ["rating"], batch_size=500)

    def _count_of_users(self) -> None:
        views = dict(UserProductView.objects.values("user").annotate(n=Count("pk")).values_list("user", "n"))
        orders = {
            row["user"]: row
            for row in Order.objects.filter(user__isnull=False)
            .values("user")
            .annotate(n=Count("pk"), spent=Sum("total_incl_tax"), last=Max("date_placed"))
        }
        lines = {
            row["order__user"]: row
            for row in Line.objects.filter(order__user__isnull=False)
            .values("order__user")
            .annotate(n=Count("pk"), pieces=Sum("quantity"))
        }
        UserRecord.objects.bulk_create(
            (
                UserRecord(
                    user_id=pk,
                    num_product_views=views.get(pk, 0),
                    num_basket_additions=self.user_additions[pk],
                    num_orders=orders[pk]["n"] if pk in orders else 0,
                    num_order_lines=lines[pk]["n"] if pk in lines else 0,
                    num_order_items=lines[pk]["pieces"] if pk in lines else 0,
                    total_spent=orders[pk]["spent"] if pk in orders else 0,
                    date_last_order=orders[pk]["last"] if pk in orders else None,
                )
                for pk in self.users.values()
            ),
            ignore_conflicts=True,
        )
