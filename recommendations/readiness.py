"""Whether there is enough history for a first training, and how much is missing."""

from django.utils.translation import gettext as _

from ecomai.commerce.models import Item
from ecomai.scenarios import Readiness

from . import selectors
from .app_settings import app_settings

#: With fewer, nothing can be said of an image encoder.
MIN_PICTURES = 20


def next_item_readiness() -> list[Readiness]:
    counts = selectors.event_counts()
    return [
        Readiness(
            _("events (views, baskets, purchases)"), counts["n_interactions"], app_settings.MIN_INTERACTIONS
        ),
        Readiness(
            _("customers or sessions with two items or more"), counts["n_people"], app_settings.MIN_CUSTOMERS
        ),
        Readiness(_("items with events"), counts["n_items"], app_settings.MIN_ITEMS),
    ]


def image_encoder_readiness() -> list[Readiness]:
    if not app_settings.IMAGE_ENCODER:
        return [Readiness(_("image encoders in the setting RECOMMENDATIONS.IMAGE_ENCODER"), 0, 1)]
    n_pictures = Item.objects.filter(is_active=True).exclude(image_urls=[]).count()
    return [Readiness(_("items with a picture"), n_pictures, MIN_PICTURES)]


def search_readiness() -> list[Readiness]:
    """Searches make it better; a catalogue is all that it needs."""
    return [
        Readiness(_("items on offer"), Item.objects.filter(is_active=True).count(), app_settings.MIN_ITEMS)
    ]
