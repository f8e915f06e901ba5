"""The project's addresses, and a page of a shop with a place on it."""

from django.http import HttpRequest, HttpResponse
from django.template import engines
from django.urls import include, path

PAGE = """{% load ecomai_onsite %}<!DOCTYPE html><html lang="en"><head><meta charset="utf-8">
<link rel="icon" href="data:,"><title>Shop</title></head>
<body><main><h1>Shop</h1>{% ecomai_onsite "home" n=2 %}</main></body></html>"""


def page(request: HttpRequest) -> HttpResponse:
    return HttpResponse(engines["django"].from_string(PAGE).render(request=request))


urlpatterns = [path("a-page/", page), path("", include("ecomai_project.urls"))]
