"""Addresses of a shop that forgot ours."""

urlpatterns: list = []
