"""The addresses of sockets; a scenario's consumers are listed here as its pages are in `urls`."""

from django.urls import URLPattern

websocket_urlpatterns: list[URLPattern] = []
