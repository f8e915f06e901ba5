"""One page of a shop with the chat's bubble, besides the project's own addresses."""

from django.http import HttpRequest, HttpResponse
from django.template import Context, Template
from django.urls import path

from ecomai_project.urls import urlpatterns as project

PAGE = Template(
    '{% load ecomai_chat %}<!doctype html><html lang="en"><head><meta charset="utf-8"><title>A shop</title>'
    '<meta name="viewport" content="width=device-width, initial-scale=1">{% ecomai_chat %}</head>'
    "<body><main><h1>A shop</h1><p>Mugs and more.</p></main></body></html>"
)


def show(request: HttpRequest) -> HttpResponse:
    return HttpResponse(PAGE.render(Context({"request": request})))


urlpatterns = [path("a-page/", show), *project]
