"""What risk tells other scenarios: never a score, only what to do without."""

from collections.abc import Iterable

from ecomai.fusion.services import publish_facts

from ..models import Assessment, Decision, Kind
from ..scenario import COUPON_HOLD

#: Kinds that are about advantages a shop gives.
ABUSE = (Kind.PROMOTION_ABUSE, Kind.RETURN_ABUSE)
STRICT = (Decision.REVIEW, Decision.DECLINE)


def publish_hold(row: Assessment) -> None:
    """Ask marketing to hold coupons from a customer whom a live policy does not trust with advantages."""
    if row.kind in ABUSE and not row.is_shadow and row.decision in STRICT:
        set_holds([row], is_held=True)


def set_holds(rows: Iterable[Assessment], *, is_held: bool) -> None:
    for row in rows:
        if row.customer_external_id:
            values = {row.customer_external_id: is_held}
            publish_facts(name=COUPON_HOLD, values=values, storefront=row.storefront)
