"""The shop's addresses, and Oscar's own search at one of its own: the shop shows ecomai's in its place."""

from django.apps import apps
from django.urls import include, path
from oscar_shop.urls import urlpatterns as of_the_shop

urlpatterns = [path("oscars-search/", include(apps.get_app_config("search").urls[0])), *of_the_shop]
