"""Whether enough is known for a first training."""

from django.utils.translation import gettext as _

from ecomai.scenarios import Readiness

from . import selectors

LEAST_BUYERS, LEAST_RETURNING = 50, 10


def customer_value() -> list[Readiness]:
    counts = selectors.profile_counts()
    return [
        Readiness(_("customers who bought and allow marketing"), counts.n_allowed_buyers, LEAST_BUYERS),
        Readiness(_("customers who bought again"), counts.n_allowed_returning, LEAST_RETURNING),
    ]
