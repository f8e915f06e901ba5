"""A shop of one page, as strict as a shop may be; the URLs of the tracker's test."""

from django.http import HttpRequest, HttpResponse
from django.template import RequestContext, Template
from django.urls import include, path

PAGE = Template(
    """{% load ecomai_tracker %}<!doctype html><html lang="en"><head><title>Shop</title>
    <link rel="icon" href="data:,">
    {% ecomai_tracker customer_id=customer consent=consent %}</head><body>
    <h1 data-ecomai-event="view" data-ecomai-item="mug">Blue mug</h1>
    <a href="#pot" id="pot" data-ecomai-event="impression click" data-ecomai-item="pot"
       data-ecomai-properties='{"placement": "home"}'>Tea pot</a>
    <form id="form" action="/next/" data-ecomai-event="cart" data-ecomai-item="mug" data-ecomai-quantity="2"
       data-ecomai-value="17.00" data-ecomai-currency="EUR"><button id="buy">Buy</button></form>
    </body></html>"""
)
POLICY = "default-src 'none'; script-src 'self'; connect-src 'self'; img-src 'self' data:; form-action 'self'"


def page(request: HttpRequest) -> HttpResponse:
    values = {"customer": request.GET.get("customer"), "consent": request.GET.get("consent", "wait")}
    return HttpResponse(
        PAGE.render(RequestContext(request, values)), headers={"Content-Security-Policy": POLICY}
    )


urlpatterns = [
    path("", page),
    path("next/", page),
    path("ecomai/", include("ecomai.urls")),
]
