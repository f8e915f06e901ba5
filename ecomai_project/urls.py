"""The project's addresses: the admin and the plugin; a shop in front of them is in examples/."""

import re

from django.conf import settings
from django.contrib import admin
from django.http import HttpRequest, HttpResponseRedirect
from django.templatetags.static import static
from django.urls import URLPattern, URLResolver, include, path, re_path
from django.utils.translation import gettext_lazy as _
from django.views.static import serve

admin.site.site_header = admin.site.site_title = _("Shop administration")

handler500 = "ecomai_project.faults.server_error"


def favicon(request: HttpRequest) -> HttpResponseRedirect:
    """Answer browsers that look for an icon where a page names none, as the admin's pages do."""
    return HttpResponseRedirect(static("ecomai_project/icon.svg"))


urlpatterns: list[URLPattern | URLResolver] = [
    path("admin/", admin.site.urls),
    path("favicon.ico", favicon),
    path("i18n/", include("django.conf.urls.i18n")),
    path("ecomai/", include("ecomai.urls")),
]
if getattr(settings, "SERVES_MEDIA", False):
    prefix = re.escape(settings.MEDIA_URL.lstrip("/"))
    urlpatterns.append(re_path(rf"^{prefix}(?P<path>.*)$", serve, {"document_root": settings.MEDIA_ROOT}))
