"""What the shop's accounts mean to ecomai."""

from typing import Any

from django.conf import settings
from django.db.models.signals import pre_delete
from django.dispatch import receiver

from ecomai.commerce.models import Customer
from ecomai.fusion.services import erase_customer


@receiver(pre_delete, sender=settings.AUTH_USER_MODEL)
def erase_with_the_account(sender: Any, instance: Any, **kwargs: Any) -> None:
    """Whoever deletes their profile, here or in Oscar's account pages, is forgotten by every model too."""
    if Customer.objects.filter(storefront="", external_id=str(instance.pk)).exists():
        erase_customer(storefront="", external_id=str(instance.pk), actor_label="customer")
