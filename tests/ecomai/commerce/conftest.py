"""A shop of three items, its keys, and what a batch looks like."""

from collections.abc import Callable
from typing import Any

import pytest
from django.core.cache import cache
from rest_framework.test import APIClient

from ecomai.commerce.services import create_api_key, upsert_items

ORIGIN = "https://shop.example"
BROWSER = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0 Safari/537.36"


@pytest.fixture(autouse=True)
def _fresh_cache() -> None:
    cache.clear()


@pytest.fixture
def shop(db: None) -> None:
    upsert_items(
        [
            {"external_id": "mug", "title": "Blue mug", "price": "8.50", "currency": "EUR"},
            {"external_id": "pot", "title": "Tea pot", "price": "30", "currency": "EUR"},
            {"external_id": "tea", "title": "Green tea", "price": "5", "currency": "EUR"},
        ]
    )


@pytest.fixture
def publishable_key(db: None) -> str:
    return create_api_key(name="pages", kind="publishable", origins=[ORIGIN])[1]


@pytest.fixture
def secret_key(db: None) -> str:
    return create_api_key(name="server", kind="secret")[1]


@pytest.fixture
def from_page(publishable_key: str) -> Callable[..., Any]:
    """POST a batch as a page of the shop does."""

    def post(
        body: Any,
        *,
        key: str = publishable_key,
        origin: str = ORIGIN,
        path: str = "/ecomai/events/",
        **extra: Any,
    ):
        headers = {"X-Ecomai-Key": key, "Origin": origin, "User-Agent": BROWSER, **extra}
        return APIClient().post(path, body, format="json", headers={k: v for k, v in headers.items() if v})

    return post


@pytest.fixture
def from_server(secret_key: str) -> Callable[..., Any]:
    """POST a batch as the shop's server does."""

    def post(path: str, body: Any, *, key: str = secret_key):
        return APIClient().post(path, body, format="json", headers={"Authorization": f"Bearer {key}"})

    return post
