"""Addresses of a shop with one page, that has the button of the search by picture."""

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.template import RequestContext, Template
from django.urls import path
from django.views.static import serve

from ecomai_project.urls import urlpatterns as project_urls

PAGE = """{% load ecomai_pictures %}<!doctype html><html lang="en"><head><meta charset="utf-8">
<title>Shop</title><meta name="viewport" content="width=device-width"></head>
<body><main><h1>Shop</h1>{% picture_search %}</main></body></html>"""


def shop(request: HttpRequest) -> HttpResponse:
    return HttpResponse(Template(PAGE).render(RequestContext(request)))


def media(request: HttpRequest, name: str) -> HttpResponse:
    return serve(request, name, document_root=settings.MEDIA_ROOT)


urlpatterns = [path("shop/", shop), path("media/<path:name>", media), *project_urls]
