"""Customers of the generated shop as whom a visitor of the demo may shop, without a password."""

import ipaddress
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.cache import cache
from django.db.models import Count
from django.http import HttpRequest
from oscar.core.loading import get_model

Line = get_model("order", "Line")
Order = get_model("order", "Order")

CACHE_KEY = "oscar_shop.personas"
CACHE_SECONDS = 600
N_PERSONAS = 8
NAMES = {
    "en": ("Ada", "Ben", "Clara", "Daniel", "Elif", "Finn", "Grace", "Hugo"),
    "zh": ("安雅", "博文", "晨曦", "丹青", "恩佳", "方舟", "歌月", "海宁"),
}


@dataclass(frozen=True)
class Persona:
    """A customer with an invented name and what they bought most."""

    user_id: int
    name: str
    shelves: tuple[str, ...]
    n_orders: int

    @property
    def initial(self) -> str:
        return self.name[0]


def are_open(request: HttpRequest) -> bool:
    """Only on the machine itself, and only where all customers are generated ones."""
    return settings.DEMO_PERSONAS and _is_loopback(request.META.get("REMOTE_ADDR", ""))


def _is_loopback(address: str) -> bool:
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False


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
        Order.objects.filter(user__is_staff=False)
        .values("user")
        .annotate(n_orders=Count("pk"))
        .filter(n_orders__gte=2)
        .order_by("-n_orders", "user")
        .values_list("user", "n_orders")[:300]
    )
    shelves: dict[int, dict[str, int]] = {}
    bought = Line.objects.filter(order__user__in=loyal, product__categories__isnull=False)
    for row in bought.values("order__user", "product__categories__name").annotate(n=Count("pk")):
        counts = shelves.setdefault(row["order__user"], {})
        shelf = row["product__categories__name"]
        counts[shelf] = counts.get(shelf, 0) + row["n"]
    chosen: dict[int, tuple[str, ...]] = {}
    taken: set[str] = set()
    for pk in loyal:
        top = tuple(sorted(shelves.get(pk, {}), key=lambda name: (-shelves[pk][name], name))[:3])
        if top and top[0] not in taken and len(chosen) < N_PERSONAS:
            chosen[pk] = top
            taken.update(top[:2])
    names = NAMES["zh" if settings.LANGUAGE_CODE.startswith("zh") else "en"]
    return [Persona(pk, names[place], top, loyal[pk]) for place, (pk, top) in enumerate(chosen.items())]


def user_of(user_id: str) -> Any:
    """Return the login of a persona under its invented name, or None: nobody else's login is given away."""
    persona = next((persona for persona in list_personas() if str(persona.user_id) == user_id), None)
    user = get_user_model().objects.filter(pk=persona.user_id).first() if persona else None
    if user is None or user.is_staff or user.is_superuser:
        return None
    if not user.first_name:
        user.first_name = persona.name
        user.save(update_fields=["first_name"])
    return user
