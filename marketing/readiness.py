"""Whether enough is known for a first training."""

from django.utils.translation import gettext as _

from ecomai.scenarios import Readiness

from .models import CustomerProfile

LEAST_BUYERS, LEAST_RETURNING = 50, 10


def customer_value() -> list[Readiness]:
    allowed = CustomerProfile.objects.filter(has_consent=True)
    n_buyers = allowed.filter(n_orders__gt=0)[:LEAST_BUYERS].count()
    n_returning = allowed.filter(n_orders__gt=1)[:LEAST_RETURNING].count()
    return [
        Readiness(_("customers who bought and allow marketing"), n_buyers, LEAST_BUYERS),
        Readiness(_("customers who bought again"), n_returning, LEAST_RETURNING),
    ]
