"""Home, listings, search, product and picture pages."""

import re
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.utils.translation import gettext as _

from ecomai.commerce.models import Item
from ecomai_project.storefront import selectors
from ecomai_project.storefront.forms import ListingForm

from .page import ShopPage

ITEMS_PER_PAGE = 24
PICTURE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,120}\.svg")
PICTURE_SECONDS = 3600


class HomeView(ShopPage):
    template_name = "storefront/home.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        newest = selectors.newest_items(8)
        return super().get_context_data(
            newest=newest, popular=selectors.popular_by_department(4), hero=newest[:3], **kwargs
        )


class ListingPage(ShopPage):
    """A page of items with filters, order and pages; subclasses say which items."""

    template_name = "storefront/listing.html"

    def items(self) -> QuerySet[Item]:
        raise NotImplementedError

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        items = self.items()
        form = ListingForm(self.request.GET, brands=selectors.brands_of(items))
        form.is_valid()
        pages = Paginator(selectors.filtered(items, form.cleaned_data), ITEMS_PER_PAGE)
        return super().get_context_data(
            form=form,
            page=pages.get_page(self.request.GET.get("page")),
            has_filters=any(
                form.cleaned_data.get(name) for name in ("min_price", "max_price", "brand", "in_stock")
            ),
            link=self._link_without_page(),
            **kwargs,
        )

    def _link_without_page(self) -> str:
        kept = [(key, value) for key, value in self.request.GET.items() if key != "page" and value]
        return f"?{urlencode(kept)}&" if kept else "?"


class BrowseView(ListingPage):
    def items(self) -> QuerySet[Item]:
        return selectors.items_in(self.path)

    @property
    def path(self) -> str:
        return self.request.GET.get("category", "")[:500]

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        category = selectors.find_category(self.tree, self.path)
        if self.path and category is None:
            raise Http404
        trail = selectors.trail_of(self.path)
        return super().get_context_data(
            heading=trail[-1].name if trail else _("Everything we sell"),
            trail=trail[:-1],
            category=category,
            children=category.children if category else self.tree,
            **kwargs,
        )


class SearchView(ListingPage):
    def items(self) -> QuerySet[Item]:
        return (
            selectors.matching(selectors.items_on_sale(), self.query) if self.query else Item.objects.none()
        )

    @property
    def query(self) -> str:
        return self.request.GET.get("q", "").replace("\x00", "").strip()[:200]

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        heading = _("Results for “%(query)s”") % {"query": self.query} if self.query else _("Search")
        return super().get_context_data(heading=heading, query=self.query, is_search=True, **kwargs)


class ProductView(ShopPage):
    template_name = "storefront/product.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        item = get_object_or_404(Item, storefront="", external_id=kwargs["external_id"])
        return super().get_context_data(item=item, trail=selectors.trail_of(item.category_path), **kwargs)


def picture(request: HttpRequest, name: str) -> HttpResponse:
    """Serve one of the drawings that were generated with the shop."""
    folder = Path(getattr(settings, "STOREFRONT_PICTURES", Path(settings.VAR_DIR) / "shop" / "images"))
    path = folder / name
    if not PICTURE_NAME.fullmatch(name) or not path.is_file():
        raise Http404
    response = HttpResponse(path.read_bytes(), content_type="image/svg+xml")
    response["Cache-Control"] = f"public, max-age={PICTURE_SECONDS}"
    response["X-Content-Type-Options"] = "nosniff"
    return response
