"""REST addresses of risk."""

from django.urls import URLPattern

urlpatterns: list[URLPattern] = []
