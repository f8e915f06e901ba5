"""REST and page addresses of this room."""

from django.urls import path

from . import views
from .assets import plotly_javascript

urlpatterns = [
    path("console/plotly-<str:release>.min.js", plotly_javascript, name="plotly"),
    path("health/live", views.live, name="health-live"),
    path("health/ready", views.ready, name="health-ready"),
    path("metrics", views.prometheus, name="metrics"),
    path("api/schema/", views.SchemaView.as_view(), name="schema"),
    path("api/docs/", views.api_docs, name="api-docs"),
]
