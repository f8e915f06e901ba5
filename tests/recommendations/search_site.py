"""A shop of one page of results, as strict as a shop may be; the URLs of the browser's test."""

from django.http import HttpRequest, HttpResponse
from django.template import RequestContext, Template
from django.urls import include, path

PAGE = Template(
    """{% load ecomai_search ecomai_tracker %}<!doctype html><html lang="en"><head><title>Shop</title>
    <meta name="viewport" content="width=device-width, initial-scale=1"><link rel="icon" href="data:,">
    {% ecomai_tracker consent="granted" %}</head>
    <body><main><h1>Shop</h1>{% search_box action="/search/" %}{% search_results %}</main></body></html>"""
)
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; "
    "form-action 'self'"
)


def page(request: HttpRequest, **names: str) -> HttpResponse:
    return HttpResponse(PAGE.render(RequestContext(request)), headers={"Content-Security-Policy": POLICY})


urlpatterns = [
    path("search/", page),
    path("products/<slug:slug>/", page),
    path("ecomai/", include("ecomai.urls")),
]
