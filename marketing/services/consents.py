"""An answer about marketing counts at once, before any profile is computed again."""

from django.db import transaction

from ecomai.fusion.models import ConsentRecord
from ecomai.fusion.selectors import granted_consents

from ..app_settings import app_settings
from ..models import CustomerProfile
from .likeness import forget_vectors
from .memberships import leave_all_segments, update_memberships
from .requests import request_profiles
from .travelling import leave_journeys


def apply_consent(record: ConsentRecord) -> None:
    """Take a customer out of all that asks for the consent, or let them in again."""
    if record.customer_id is None or record.purpose != app_settings.PURPOSE:
        return
    granted = granted_consents(customer_pks=[record.customer_id], purpose=app_settings.PURPOSE)
    with transaction.atomic():
        CustomerProfile.objects.filter(pk=record.customer_id).update(has_consent=bool(granted))
        if granted:
            update_memberships(granted)
        else:
            leave_all_segments(record.customer_id)
            leave_journeys(record.customer_id)
            forget_vectors(record.customer_id)
        # A profile that is being written for the first time just now cannot be seen from here.
        request_profiles([record.customer_id])
