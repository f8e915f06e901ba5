"""REST addresses of marketing."""

from django.urls import path

from . import views

urlpatterns = [
    path("customers/<str:customer_id>/profile/", views.ProfileView.as_view(), name="marketing-profile"),
]
