"""REST addresses of fusion, below `fusion/`."""

from django.urls import path

from . import views

urlpatterns = [
    path("me/", views.MyExportView.as_view(), name="fusion-me"),
    path("me/consents/", views.MyConsentsView.as_view(), name="fusion-me-consents"),
    path("me/erasure/", views.MyErasureView.as_view(), name="fusion-me-erasure"),
    path("consents/", views.ServerConsentView.as_view(), name="fusion-consents"),
    path("session-links/", views.ServerSessionLinkView.as_view(), name="fusion-session-links"),
    path("exports/", views.ServerExportView.as_view(), name="fusion-exports"),
    path("erasures/", views.ServerErasureView.as_view(), name="fusion-erasures"),
]
