"""The shop's addresses: Django's admin, the plugin below a prefix of its own, our few pages, and Oscar."""

from django.apps import apps
from django.conf import settings
from django.conf.urls.static import static
from django.contrib import admin
from django.urls import URLPattern, URLResolver, include, path

from . import views

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
    path("", include(apps.get_app_config("oscar").urls[0])),
    *static(settings.MEDIA_URL, document_root=settings.MEDIA_ROOT),
]
