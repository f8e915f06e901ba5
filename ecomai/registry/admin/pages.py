"""Pages of our own beside those that Django makes of a table."""

from collections.abc import Callable
from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import path
from django.urls.resolvers import URLPattern


class OwnPages(admin.ModelAdmin):
    """Rows with pages of their own, for those who may see the rows. `address_prefix` begins their names."""

    address_prefix = ""

    def own_urls(self) -> list[URLPattern]:
        """Addresses besides the list and the page of a row."""
        return []

    def get_urls(self) -> list[URLPattern]:
        return [*self.own_urls(), *super().get_urls()]

    def address(self, route: str, view: Callable[..., HttpResponse], name: str) -> URLPattern:
        return path(route, self.admin_site.admin_view(view), name=f"{self.address_prefix}_{name}")

    def page(self, request: HttpRequest, template: str, title: Any, **context: Any) -> HttpResponse:
        shared = self.admin_site.each_context(request)
        context = {**shared, "title": title, "opts": self.opts, "media": self.media, **context}
        return TemplateResponse(request, template, context)

    def check_view(self, request: HttpRequest) -> None:
        if not self.has_view_permission(request):
            raise PermissionDenied

    def row(self, request: HttpRequest, pk: Any) -> Any:
        """The row of a page that this person may see."""
        self.check_view(request)
        row = self.get_object(request, str(pk))
        if row is None:
            raise Http404
        return row
