"""Addresses of the project and a page with one chart of each kind, for tests in a browser."""

from datetime import date, timedelta

from django.http import HttpRequest, HttpResponse
from django.template import engines
from django.urls import include, path

from ecomai.console import charts

PAGE = """{% load static ecomai_charts %}<!doctype html>
<html lang="{{ language }}"><head><title>Charts</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="{% static 'admin/css/base.css' %}">
<link rel="stylesheet" href="{% static 'admin/css/dark_mode.css' %}">
{% chart_assets %}<script src="{% static 'django_htmx/htmx-2.min.js' %}" defer></script>
<meta name="htmx-config" content='{"includeIndicatorStyles": false, "allowEval": false}'>
</head><body><main>{% for one in charts %}{% chart one %}{% endfor %}
<div id="live" hx-get="/curves/" hx-trigger="every 200ms" hx-swap="innerHTML">{% metric_curve points %}</div>
</main></body></html>"""

CURVES = "{% load ecomai_charts %}{% metric_curve points %}"
POINTS = [("loss", step, 1 / (step + 1)) for step in range(5)] + [("ndcg@10", 4, 0.25)]


def all_charts() -> list[charts.Chart]:
    days = [date(2026, 1, 1) + timedelta(days=n) for n in range(60)]
    return [
        charts.line_chart(
            title="Events", x=days, series={"view": list(range(60)), "cart": [None, *range(59)]}
        ),
        charts.bar_chart(title="By type", categories=["view", "cart"], series={"events": [1200, 34]}),
        charts.bar_chart(
            title="Rejected", categories=["no price"], series={"rows": [7]}, is_horizontal=True, size="small"
        ),
        charts.histogram(title="Prices", values=[1, 2, 2, 3, 9], n_bins=4),
        charts.sparkline(title="Orders", values=[1, 5, 3]),
        charts.line_chart(title="Nothing", x=[], series={"view": []}),
    ]


def chart_page(request: HttpRequest) -> HttpResponse:
    context = {"charts": all_charts(), "points": POINTS, "language": request.GET.get("language", "en")}
    return HttpResponse(engines["django"].from_string(PAGE).render(context, request))


def curves(request: HttpRequest) -> HttpResponse:
    return HttpResponse(engines["django"].from_string(CURVES).render({"points": POINTS}, request))


urlpatterns = [
    path("", include("ecomai_project.urls")),
    path("charts/", chart_page),
    path("curves/", curves),
]
