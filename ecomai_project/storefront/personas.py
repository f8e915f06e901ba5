"""Customers of the generated shop as whom a visitor may shop, without a password."""

from dataclasses import dataclass

from django.conf import settings
from django.contrib.auth import get_user_model
from django.contrib.auth.models import AbstractBaseUser
from django.core.cache import cache
from django.db.models import Count

from ecomai.commerce.models import Customer, OrderLine
from ecomai.exceptions import NotFoundError

from .selectors import SEPARATOR

CACHE_KEY = "storefront.personas"
CACHE_SECONDS = 600
N_PERSONAS = 8
NAMES = {
    "en": ("Ada", "Ben", "Clara", "Daniel", "Elif", "Finn", "Grace", "Hugo"),
    "zh-hans": ("安雅", "博文", "晨曦", "丹青", "恩佳", "方舟", "歌月", "海宁"),
}


@dataclass(frozen=True)
class Persona:
    """A customer of the demo with an invented name and what they bought most."""

    customer_id: str
    name: str
    shelves: tuple[str, ...]
    n_orders: int

    @property
    def initial(self) -> str:
        return self.name[0]


def is_open() -> bool:
    """Whether anybody may shop as anybody: only where all customers are generated ones."""
    shop = getattr(settings, "SHOP", None)
    return shop is not None and shop.source.startswith("demo:")


def list_personas() -> list[Persona]:
    """Return loyal customers of unlike tastes; the same ones for some minutes."""
    personas = cache.get(CACHE_KEY)
    if personas is None:
        personas = _choose()
        if personas:
            cache.set(CACHE_KEY, personas, CACHE_SECONDS)
    return personas


def forget() -> None:
    """Choose anew at the next visit: one of them has just been erased."""
    cache.delete(CACHE_KEY)


def _choose() -> list[Persona]:
    loyal = dict(
        Customer.objects.filter(storefront="")
        .annotate(n_orders=Count("orders"))
        .filter(n_orders__gte=2)
        .order_by("-n_orders", "external_id")
        .values_list("pk", "n_orders")[:300]
    )
    shelves: dict[int, dict[str, int]] = {}
    bought = OrderLine.objects.filter(order__customer__in=loyal, item__isnull=False)
    for row in bought.values("order__customer", "item__category_path").annotate(n=Count("pk")):
        shelf = row["item__category_path"].split(SEPARATOR)[-1]
        counts = shelves.setdefault(row["order__customer"], {})
        counts[shelf] = counts.get(shelf, 0) + row["n"]
    chosen: dict[int, tuple[str, ...]] = {}
    taken: set[str] = set()
    for pk in loyal:
        top = tuple(sorted(shelves.get(pk, {}), key=lambda name: (-shelves[pk][name], name))[:3])
        if top and top[0] not in taken and len(chosen) < N_PERSONAS:
            chosen[pk] = top
            taken.update(top[:2])
    ids = Customer.objects.in_bulk(chosen)
    names = NAMES["zh-hans" if settings.LANGUAGE_CODE.startswith("zh") else "en"]
    return [
        Persona(ids[pk].external_id, names[place], top, loyal[pk])
        for place, (pk, top) in enumerate(chosen.items())
    ]


def user_of_persona(customer_id: str) -> AbstractBaseUser:
    """Return the login of a persona, made at the first visit; it has no password and no permission."""
    persona = next((persona for persona in list_personas() if persona.customer_id == customer_id), None)
    if persona is None or not is_open():
        raise NotFoundError()
    users = get_user_model()._default_manager
    user, is_new = users.get_or_create(username=customer_id, defaults={"first_name": persona.name})
    if is_new:
        user.set_unusable_password()
        user.save()
    if user.is_staff or user.is_superuser:
        raise NotFoundError()
    if not user.first_name:
        user.first_name = persona.name
        user.save(update_fields=["first_name"])
    return user
