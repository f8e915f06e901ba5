"""A shop with a million customers and twenty million events, made inside PostgreSQL within minutes.

A few do most: of the events the heaviest hundredth of the customers has a quarter. Profiles, activities and
orders are what the real code would compute of the events, as far as conditions ask them.
"""

from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import connection, transaction

from ecomai.benchmarking import Report
from ecomai.commerce.partitions import ensure_months

DAYS = 365
N_ITEMS = 20_000

_CUSTOMERS = """
    INSERT INTO ecomai_commerce_customer
        (id, storefront, external_id, language, country, traits, first_seen_at, updated_at)
    SELECT n, '', 'c-' || n, (ARRAY['en', 'de', 'fr'])[1 + n %% 3],
        (ARRAY['DE', 'AT', 'FR', 'NL', 'US'])[1 + n %% 5],
        CASE WHEN n %% 11 = 0 THEN '{"loyalty_tier": "gold"}'
            WHEN n %% 3 = 0 THEN '{"loyalty_tier": "silver"}'
            ELSE '{}' END::jsonb,
        now() - %(days)s * interval '1 day', now()
    FROM generate_series(1, %(n_customers)s) AS n"""
_CONSENTS = """
    INSERT INTO ecomai_fusion_consentrecord
        (storefront, customer_id, session_id, purpose, channel, is_granted, source, proof, recorded_at)
    SELECT '', n, '', 'marketing', '', n %% 10 < 7, 'account', '{}', now() - interval '100 days'
    FROM generate_series(1, %(n_customers)s) AS n WHERE n %% 10 < 8"""
_ITEMS = """
    INSERT INTO ecomai_commerce_item
        (id, storefront, external_id, title, description, category_path, brand, attributes, price, currency,
         url, image_urls, is_active, listed_at, updated_at)
    SELECT n, '', 'i-' || n, 'Item ' || n, '', 'Area ' || n %% 20 || ' > Shelf ' || n %% 200,
        'Brand ' || n %% 300, '{}', 5 + n %% 90, 'EUR', '', '[]', true, now(), now()
    FROM generate_series(1, %(n_items)s) AS n"""
# x to the fourth power from 0.08 on: a long head, and nobody with more than some thousands of events.
_EVENTS = """
    INSERT INTO ecomai_commerce_event
        (storefront, key, type, channel, session_id, order_external_id, quantity, currency, query, properties,
         occurred_at, received_at, customer_id, item_id)
    SELECT '', gen_random_uuid(), kind, CASE WHEN n %% 4 = 0 THEN 'app' ELSE 'web' END, 's-' || n / 6,
        CASE WHEN kind = 'purchase' THEN 'o-' || n ELSE '' END, 1, '', '', '{}', at, at,
        1 + (floor(0.9 * %(n_customers)s * power(0.08 + 0.92 * random(), 4))::bigint * 387420489)
            %% %(n_customers)s,
        CASE WHEN kind IN ('search', 'message_open') THEN NULL
            ELSE 1 + floor(%(n_items)s * power(random(), 3))::bigint END
    FROM (
        SELECT n, %(now)s - %(days)s * power(random(), 1.3) * interval '1 day' AS at,
            CASE WHEN r < 0.70 THEN 'view' WHEN r < 0.82 THEN 'search' WHEN r < 0.90 THEN 'cart'
                WHEN r < 0.95 THEN 'message_open' WHEN r < 0.97 THEN 'wishlist' ELSE 'purchase' END AS kind
        FROM (SELECT n, random() AS r FROM generate_series(%(first)s, %(last)s) AS n) AS drawn
    ) AS made"""
_ORDERS = """
    INSERT INTO ecomai_commerce_order
        (storefront, external_id, customer_id, session_id, channel, status, currency, total, placed_at,
         updated_at)
    SELECT '', order_external_id, customer_id, '', channel, 'paid', 'EUR', 20 + id %% 120, occurred_at,
        occurred_at
    FROM ecomai_commerce_event WHERE type = 'purchase'"""
_LINES = """
    INSERT INTO ecomai_commerce_orderline
        (order_id, position, item_id, description, quantity, returned_quantity, unit_price)
    SELECT id, 0, 1 + id %% %(n_items)s, '', 1, 0, total FROM ecomai_commerce_order"""
_ACTIVITIES = """
    INSERT INTO ecomai_marketing_customeractivity (customer_id, type, n, first_at, last_at)
    SELECT customer_id, type, count(*), min(occurred_at), max(occurred_at)
    FROM ecomai_commerce_event GROUP BY customer_id, type"""
_PROFILES = """
    INSERT INTO ecomai_marketing_customerprofile
        (customer_id, has_consent, n_orders, spent, average_order, first_order_at, last_order_at,
         own_gap_days, next_order_at, at_risk_at, lapsed_at, recency_score, frequency_score, monetary_score,
         favourite_category, favourite_brand, tastes, price_level, discount_share, last_seen_at,
         usual_channel, usual_hour, loyalty_tier, n_referrals, scored, computed, updated_at,
         returned_share, smoothed_tastes, n_texts, last_sentiment)
    SELECT c.id, c.id %% 10 < 7, coalesce(o.n, 0), coalesce(o.spent, 0), o.spent / o.n, o.first_at, o.last_at,
        o.gap, o.last_at + o.gap * interval '1 day', o.last_at + 1.5 * o.gap * interval '1 day',
        o.last_at + 3 * o.gap * interval '1 day', 1 + c.id %% 5, least(o.n, 5),
        1 + (o.spent::int) %% 5,
        'Area ' || c.id %% 20 || ' > Shelf ' || c.id %% 200, 'Brand ' || c.id %% 300,
        '{"brands": [{"name": "Brand 7", "share": 0.61}, {"name": "Brand 12", "share": 0.2}], '
        '"categories": [{"name": "Area 3 > Shelf 23", "share": 0.7}, {"name": "Area 4", "share": 0.3}]}',
        0.5 + (c.id %% 100) / 80.0, (c.id %% 7) / 7.0, a.seen_at, 'web', c.id %% 24,
        coalesce(c.traits ->> 'loyalty_tier', ''), c.id %% 3, '{}',
        '{"orders": {"at": "2026-01-01T00:00:00+00:00", "n_orders": 3, "n_pieces": 3}, '
        '"visits": {"at": "2026-01-01T00:00:00+00:00", "n_events": 20, "since": "2025-01-01"}}',
        now(), (c.id %% 9) / 20.0, '{}', 0, ''
    FROM ecomai_commerce_customer AS c
    LEFT JOIN (
        SELECT customer_id, count(*) AS n, sum(total) AS spent, min(placed_at) AS first_at,
            max(placed_at) AS last_at, 20 + customer_id %% 60 AS gap
        FROM ecomai_commerce_order GROUP BY customer_id) AS o ON o.customer_id = c.id
    LEFT JOIN (
        SELECT customer_id, max(last_at) AS seen_at FROM ecomai_marketing_customeractivity
        GROUP BY customer_id) AS a ON a.customer_id = c.id"""
_STEPS = (
    ("orders", _ORDERS), ("lines of orders", _LINES), ("activities", _ACTIVITIES), ("profiles", _PROFILES),
)  # fmt: skip
#: Events written at once.
PART = 1_000_000


def plant_shop(n_customers: int, n_events: int, *, seed: int, report: Report) -> None:
    """Fill an empty database. On PostgreSQL."""
    now = datetime.now(UTC)
    given: dict[str, Any] = {"n_customers": n_customers, "n_items": N_ITEMS, "days": DAYS, "now": now}
    ensure_months(now - timedelta(days=day) for day in range(DAYS + 2))
    with connection.cursor() as cursor:
        cursor.execute("SET synchronous_commit TO off")
        cursor.execute("SET work_mem TO '256MB'")
        cursor.execute("SELECT setseed(%s)", [seed % 1000 / 1000])
        for name, statement in (("customers", _CUSTOMERS), ("consents", _CONSENTS), ("items", _ITEMS)):
            report(0.02, name)
            cursor.execute(statement, given)
        indexes = _drop_indexes(cursor)
        for first in range(1, n_events + 1, PART):
            report(0.05 + 0.4 * first / n_events, f"{first - 1} of {n_events} events")
            cursor.execute(_EVENTS, given | {"first": first, "last": min(first + PART - 1, n_events)})
        for number, statement in enumerate(indexes):
            report(0.45 + 0.05 * number, "indexes of events")
            cursor.execute(statement)
        for number, (name, statement) in enumerate(_STEPS):
            report(0.65 + 0.02 * number, name)
            cursor.execute(statement, given)
        _go_on_after_given_ids(cursor)
        report(0.73, "statistics of the tables")
        cursor.execute("VACUUM ANALYZE")
        cursor.execute("RESET work_mem")
        cursor.execute("RESET synchronous_commit")


def _drop_indexes(cursor: Any) -> list[str]:
    """Drop what slows writing of events; return what makes it again."""
    assert not transaction.get_connection().in_atomic_block  # noqa: S101
    cursor.execute(
        "SELECT indexname, indexdef FROM pg_indexes WHERE tablename = 'ecomai_commerce_event' "
        "AND indexname NOT LIKE '%%pkey'"
    )
    found = cursor.fetchall()
    for name, _definition in found:
        cursor.execute(f'DROP INDEX "{name}"')
    return [definition.replace(" ON ONLY ", " ON ") for _name, definition in found]


def _go_on_after_given_ids(cursor: Any) -> None:
    for table in ("ecomai_commerce_customer", "ecomai_commerce_item"):
        cursor.execute(
            f"SELECT setval(pg_get_serial_sequence('{table}', 'id'), (SELECT max(id) FROM {table}))"  # noqa: S608
        )
