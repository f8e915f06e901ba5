"""Computing profiles of customers and writing them; the same code for one customer and for all."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.db import transaction
from django.utils import timezone

from ecomai.commerce.models import Customer
from ecomai.commerce.selectors import RateTable
from ecomai.fusion.selectors import granted_consents

from ..app_settings import app_settings
from ..models import CustomerActivity, CustomerProfile, ProfileReference
from ..profiling.favourites import favourites_of
from ..profiling.purchases import AT_RISK_GAPS, LAPSED_GAPS, Purchases, read_purchases, shares
from ..profiling.reference import current_reference, score_of
from ..profiling.texts import Written, read_written
from ..profiling.visits import Visits, read_visits

CENT = Decimal("0.01")
#: What is computed here; scores of models are written by those who compute them.
COMPUTED_FIELDS = (
    "has_consent", "n_orders", "spent", "average_order", "returned_share", "first_order_at", "last_order_at",
    "own_gap_days", "next_order_at", "at_risk_at", "lapsed_at", "recency_score", "frequency_score",
    "monetary_score", "favourite_category", "favourite_brand", "tastes", "price_level", "discount_share",
    "last_seen_at", "usual_channel", "usual_hour", "loyalty_tier", "n_referrals", "n_texts",
    "negative_share", "last_sentiment", "last_written_at", "computed", "updated_at",
)  # fmt: skip


class Profiler:
    """Computes profiles a batch at a time, with the rates and the reference read once."""

    def __init__(self, *, now: datetime | None = None) -> None:
        self.now = now or timezone.now()
        self.since = self.now - timedelta(days=app_settings.HISTORY_DAYS)
        self.rates = RateTable()
        self.reference: ProfileReference = current_reference()

    def refresh(self, customer_pks: Collection[int]) -> list[int]:
        """Compute and write the profiles of customers; returns those that exist. Safe to run twice.

        A fixed number of queries for each batch, whatever the number of customers in it.
        """
        customers = list(Customer.objects.filter(pk__in=list(customer_pks)).order_by("pk"))
        pks = [customer.pk for customer in customers]
        purchases = read_purchases(
            pks, now=self.now, category_prices=self.reference.category_prices, rates=self.rates
        )
        visits = read_visits(pks, since=self.since, now=self.now)
        written = read_written(pks, since=self.since, now=self.now)
        profiles = [
            self._profile(
                customer, purchases.get(customer.pk, Purchases()), visits.get(customer.pk, Visits()),
                written.get(customer.pk, Written()),
            )
            for customer in customers
        ]  # fmt: skip
        with transaction.atomic():
            _answer_favourites(profiles, _locked_tastes(pks))
            _answer_consents(profiles)
            CustomerProfile.objects.bulk_create(
                profiles, update_conflicts=True, unique_fields=["customer"], update_fields=COMPUTED_FIELDS
            )
            _write_activities(pks, visits)
        return pks

    def _profile(
        self, customer: Customer, purchases: Purchases, visits: Visits, written: Written
    ) -> CustomerProfile:
        return CustomerProfile(
            customer=customer, updated_at=self.now,
            **self._of_orders(purchases), **_of_tastes(purchases), **_of_visits(visits),
            **_of_traits(customer.traits), **_of_texts(written),
            computed=self._computed(purchases, visits, written),
        )  # fmt: skip

    def _of_orders(self, purchases: Purchases) -> dict[str, Any]:
        n_orders = len(purchases.moments)
        first, last = (min(purchases.moments), max(purchases.moments)) if n_orders else (None, None)
        own_gap = purchases.own_gap_days()
        spent = purchases.spent.quantize(CENT) if purchases.spent is not None else None
        bounds = self.reference
        return {
            "n_orders": n_orders,
            "spent": spent,
            "average_order": (spent / n_orders).quantize(CENT) if n_orders and spent is not None else None,
            "returned_share": _share(purchases.n_returned, purchases.n_pieces),
            "first_order_at": first,
            "last_order_at": last,
            "own_gap_days": own_gap,
            **_moments(last, own_gap or bounds.usual_gap_days),
            "recency_score": score_of(last.timestamp() if last else None, bounds.recency_bounds),
            "frequency_score": score_of(n_orders or None, bounds.frequency_bounds),
            "monetary_score": score_of(
                float(spent) if n_orders and spent is not None else None, bounds.monetary_bounds
            ),
        }

    def _computed(self, purchases: Purchases, visits: Visits, written: Written) -> dict[str, Any]:
        """Say of each part when and from what it was computed."""
        moment = self.now.isoformat(timespec="seconds")
        n_events = sum(done.n for done in visits.by_type.values())
        return {
            "orders": {"at": moment, "n_orders": len(purchases.moments), "n_pieces": purchases.n_pieces},
            "visits": {"at": moment, "n_events": n_events, "since": self.since.date().isoformat()},
            "texts": {"at": moment, "n_texts": written.n},
            "scores": {"at": moment, "n_buyers": self.reference.n_buyers},
        }


def refresh_profiles(customer_pks: Collection[int], *, now: datetime | None = None) -> list[int]:
    """Compute the profiles of customers again, in batches; returns those that exist."""
    profiler, pks = Profiler(now=now), sorted(set(customer_pks))
    return [pk for batch in _batches(pks) for pk in profiler.refresh(batch)]


def _batches(pks: Sequence[int]) -> list[Sequence[int]]:
    size = app_settings.BATCH_SIZE
    return [pks[start : start + size] for start in range(0, len(pks), size)]


def _moments(last: datetime | None, gap_days: float | None) -> dict[str, datetime | None]:
    if last is None or not gap_days:
        return {"next_order_at": None, "at_risk_at": None, "lapsed_at": None}
    gap = timedelta(days=gap_days)
    return {
        "next_order_at": last + gap,
        "at_risk_at": last + AT_RISK_GAPS * gap,
        "lapsed_at": last + LAPSED_GAPS * gap,
    }


def _share(part: int, whole: int) -> float | None:
    return round(part / whole, 4) if whole else None


def _of_tastes(purchases: Purchases) -> dict[str, Any]:
    tastes = {"categories": shares(purchases.categories), "brands": shares(purchases.brands)}
    level = purchases.price_level()
    return {
        "tastes": tastes,
        "price_level": round(level, 4) if level is not None else None,
        "discount_share": _share(purchases.n_discounted, purchases.n_comparable),
    }


def _of_visits(visits: Visits) -> dict[str, Any]:
    return {
        "last_seen_at": visits.last_seen_at(),
        "usual_channel": visits.usual_channel(),
        "usual_hour": visits.usual_hour(),
    }


def _of_texts(written: Written) -> dict[str, Any]:
    return {
        "n_texts": written.n,
        "negative_share": _share(written.n_negative, written.n_told),
        "last_sentiment": written.last_sentiment,
        "last_written_at": written.last_at,
    }


def _of_traits(traits: dict[str, Any]) -> dict[str, Any]:
    n_referrals = traits.get(app_settings.REFERRALS_TRAIT)
    is_count = isinstance(n_referrals, int) and not isinstance(n_referrals, bool) and n_referrals >= 0
    return {
        "loyalty_tier": str(traits.get(app_settings.TIER_TRAIT) or "")[:64],
        "n_referrals": n_referrals if is_count else 0,
    }


def _locked_tastes(pks: Sequence[int]) -> dict[int, dict[str, Any]]:
    """Return what was found by likeness, with nobody else able to write these profiles from now on."""
    rows = CustomerProfile.objects.filter(pk__in=pks).order_by("pk")
    return dict(rows.select_for_update(no_key=True).values_list("pk", "smoothed_tastes"))


def _answer_favourites(profiles: Sequence[CustomerProfile], smoothed: Mapping[int, dict[str, Any]]) -> None:
    for profile in profiles:
        found = favourites_of(
            tastes=profile.tastes, smoothed=smoothed.get(profile.customer_id, {}),
            last_order_at=profile.last_order_at,
        )  # fmt: skip
        for field, name in found.items():
            setattr(profile, field, name)


def _answer_consents(profiles: Sequence[CustomerProfile]) -> None:
    """Say who may be addressed, as the ledger has it once these profiles are locked.

    Read before, a refusal that comes while profiles are computed would be overwritten.
    """
    pks = [profile.customer_id for profile in profiles]
    granted = granted_consents(customer_pks=pks, purpose=app_settings.PURPOSE)
    for profile in profiles:
        profile.has_consent = profile.customer_id in granted


def _write_activities(customer_pks: Sequence[int], visits: dict[int, Visits]) -> None:
    rows = [
        CustomerActivity(
            customer_id=pk, type=kind, n=done.n, first_at=done.first_at, last_at=done.last_at
        )
        for pk in customer_pks
        for kind, done in (visits[pk].by_type.items() if pk in visits else ())
    ]  # fmt: skip
    known = {(row.customer_id, row.type) for row in rows}
    gone = [
        pk
        for pk, customer, kind in CustomerActivity.objects.filter(customer_id__in=customer_pks).values_list(
            "pk", "customer_id", "type"
        )
        if (customer, kind) not in known
    ]
    CustomerActivity.objects.filter(pk__in=gone).delete()
    CustomerActivity.objects.bulk_create(
        rows, update_conflicts=True, unique_fields=["customer", "type"],
        update_fields=["n", "first_at", "last_at"], batch_size=2000,
    )  # fmt: skip
