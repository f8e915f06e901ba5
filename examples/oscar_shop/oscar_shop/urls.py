"""The shop's addresses: Django's admin, the plugin below a prefix of its own, our few pages, and Oscar."""

from django.apps import apps
from django.conf import settings
from django.contrib import admin
from django.urls import URLPattern, URLResolver, include, path
from django.utils.translation import gettext_lazy as _
from django.views.generic import TemplateView
from django.views.static import serve

from . import views

admin.site.site_header = admin.site.site_title = _("Shop administration")

urlpatterns: list[URLPattern | URLResolver] = [
    path("admin/", admin.site.urls),
    path("i18n/", include("django.conf.urls.i18n")),
    path("ecomai/", include("ecomai.urls")),
    path("", views.HomeView.as_view(), name="shop-home"),
    path("consent/", views.ConsentView.as_view(), name="consent"),
    path("accounts/my-data/", views.MyDataView.as_view(), name="my-data"),
    path("accounts/my-data/export/", views.ExportView.as_view(), name="my-data-export"),
    path("accounts/my-data/erase/", views.EraseView.as_view(), name="my-data-erase"),
    path("demo-customers/", views.PersonasView.as_view(), name="personas"),
    # Before Oscar's own search, at its address.
    path("search/", TemplateView.as_view(template_name="oscar_shop/search.html"), name="shop-search"),
    path("", include(apps.get_app_config("oscar").urls[0])),
]
if settings.SERVES_MEDIA:
    files = {"document_root": settings.MEDIA_ROOT}
    urlpatterns.insert(0, path(f"{settings.MEDIA_URL.strip('/')}/<path:path>", serve, files))
