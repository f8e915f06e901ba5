"""An AdminSite whose front page is the console, for projects that want it; ours does, a host keeps its own.

INSTALLED_APPS = ["ecomai.console.sites.ConsoleAdminConfig", ...]   # instead of "django.contrib.admin"
"""

from typing import Any

from django.contrib.admin import AdminSite
from django.contrib.admin.apps import AdminConfig
from django.http import HttpRequest, HttpResponseRedirect
from django.urls import reverse


class ConsoleAdminSite(AdminSite):
    def index(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        """Lead to the console those who may see it; `?pages=all` is the list of all pages."""
        if "pages" not in request.GET and self._shows_console(request):
            url = reverse("admin:ecomai_console_console_changelist", current_app=self.name)
            return HttpResponseRedirect(url)
        return super().index(request, extra_context)

    def _shows_console(self, request: HttpRequest) -> bool:
        from .models import Console

        is_known = self.is_registered(Console)
        return is_known and self.get_model_admin(Console).has_view_permission(request)

    def get_app_list(self, request: HttpRequest, app_label: str | None = None) -> list[dict[str, Any]]:
        """List the console first, then our other rooms, then the rest in Django's order."""
        apps: list[dict[str, Any]] = super().get_app_list(request, app_label)
        return sorted(apps, key=_place)


class ConsoleAdminConfig(AdminConfig):
    default_site = "ecomai.console.sites.ConsoleAdminSite"


def _place(app: dict[str, Any]) -> int:
    if app["app_label"] == "ecomai_console":
        return 0
    return 1 if app["app_label"].startswith("ecomai_") else 2
