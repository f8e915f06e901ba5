"""What the shop's accounts mean to ecomai."""

from functools import partial
from typing import Any

from django.conf import settings
from django.contrib.auth.signals import user_logged_in
from django.db import transaction
from django.db.models.signals import pre_delete
from django.dispatch import receiver
from django.http import HttpRequest

from ecomai.commerce.models import Customer
from ecomai.fusion.services import erase_customer

from . import consent


@receiver(pre_delete, sender=settings.AUTH_USER_MODEL)
def erase_with_the_account(sender: Any, instance: Any, **kwargs: Any) -> None:
    """Whoever deletes their profile, here or in Oscar's account pages, is forgotten by every model too."""
    if Customer.objects.filter(storefront="", external_id=str(instance.pk)).exists():
        erase_customer(storefront="", external_id=str(instance.pk), actor_label="customer")


@receiver(user_logged_in)
def keep_the_answer(sender: Any, request: HttpRequest | None = None, **kwargs: Any) -> None:
    """What a visitor answered before logging in counts for the customer; once a new account is written."""
    if request is not None and consent.current_answer(request):
        transaction.on_commit(partial(consent.carry_over, request), robust=True)
