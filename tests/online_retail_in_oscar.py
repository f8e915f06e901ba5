"""Puts Online Retail's history (UCI 352) into a plain Oscar shop, which knows nothing of ecomai.

Runs inside the shop: `manage.py shell -c "exec(open(FILE).read()); load(CSV, n_invoices=None)"`.
"""

import csv
import gzip
import itertools
from collections import Counter
from datetime import UTC, datetime
from decimal import Decimal

from django.contrib.auth import get_user_model
from django.db import transaction
from oscar.core.loading import get_model

ROWS_AT_ONCE = 5_000
CURRENCY = "GBP"


def read_invoices(path, n_invoices):
    """Return the rows of the last invoices by number, without adjustments of bad debt (a price below 0)."""
    invoices = {}
    with gzip.open(path, "rt", encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            if not row["UnitPrice"].startswith("-"):
                invoices.setdefault(row["InvoiceNo"], []).append(row)
    wanted = dict(list(invoices.items())[-n_invoices:]) if n_invoices else invoices
    for row in itertools.chain.from_iterable(wanted.values()):
        row["at"] = datetime.fromisoformat(row["InvoiceDate"]).replace(tzinfo=UTC)
        row["quantity"] = abs(int(row["Quantity"])) or 1
        row["price"] = Decimal(row["UnitPrice"]).quantize(Decimal("0.01"))
    return wanted


def load(path, n_invoices=None):
    with transaction.atomic():
        invoices = read_invoices(path, n_invoices)
        rows = [row for lines in invoices.values() for row in lines]
        products = make_products(rows)
        users = make_users(rows)
        make_orders(invoices, products, users)
    print(f"{len(products)} products, {len(users)} customers, {len(invoices)} orders, {len(rows)} lines")


def make_products(rows):
    titles, prices = {}, {}
    for row in rows:
        titles.setdefault(row["StockCode"], Counter())[row["Description"].strip()] += 1
        prices[row["StockCode"]] = row["price"]
    product_class = get_model("catalogue", "ProductClass").objects.create(name="Gift", track_stock=False)
    partner = get_model("partner", "Partner").objects.create(name="Warehouse")
    Product, StockRecord = get_model("catalogue", "Product"), get_model("partner", "StockRecord")
    products = Product.objects.bulk_create(
        (
            Product(
                upc=code, title=(names.most_common(1)[0][0] or code)[:255], slug=f"p-{number}",
                product_class=product_class,
            )
            for number, (code, names) in enumerate(titles.items())
        ),
        batch_size=ROWS_AT_ONCE,
    )  # fmt: skip
    StockRecord.objects.bulk_create(
        StockRecord(
            product=product, partner=partner, partner_sku=product.upc, price=prices[product.upc],
            price_currency=CURRENCY,
        )
        for product in products
    )  # fmt: skip
    return {product.upc: product for product in products}


def make_users(rows):
    User = get_user_model()
    first_seen = {}
    for row in rows:
        if row["CustomerID"]:
            first_seen.setdefault(row["CustomerID"], row["at"])
    users = User.objects.bulk_create(
        User(username=f"c{number}", email=f"c{number}@shop.example", password="!", date_joined=at)
        for number, at in first_seen.items()
    )
    return {user.username[1:]: user for user in users}


def make_orders(invoices, products, users):
    Order, Line = get_model("order", "Order"), get_model("order", "Line")
    for chunk in in_chunks(invoices.items(), 1_000):
        orders = Order.objects.bulk_create(
            Order(
                number=number, user=users.get(rows[0]["CustomerID"]), currency=CURRENCY,
                date_placed=rows[0]["at"], total_incl_tax=total(rows), total_excl_tax=total(rows),
                status="Cancelled" if number.startswith("C") else "Complete",
            )
            for number, rows in chunk
        )  # fmt: skip
        pairs = ((order, row) for order, (_number, rows) in zip(orders, chunk, strict=True) for row in rows)
        for some in in_chunks(pairs, ROWS_AT_ONCE):
            Line.objects.bulk_create(make_line(order, row, products[row["StockCode"]]) for order, row in some)


def make_line(order, row, product):
    amount = row["price"] * row["quantity"]
    return get_model("order", "Line")(
        order=order, product=product, title=row["Description"][:255] or row["StockCode"],
        upc=row["StockCode"], partner_sku=row["StockCode"], partner_name="Warehouse",
        quantity=row["quantity"], num_allocated=0,
        line_price_incl_tax=amount, line_price_excl_tax=amount,
        line_price_before_discounts_incl_tax=amount, line_price_before_discounts_excl_tax=amount,
        unit_price_incl_tax=row["price"], unit_price_excl_tax=row["price"], status=order.status,
    )  # fmt: skip


def total(rows):
    return sum((row["price"] * row["quantity"] for row in rows), Decimal(0))


def in_chunks(rows, size):
    iterator = iter(rows)
    while chunk := list(itertools.islice(iterator, size)):
        yield chunk
