"""REST addresses of this room."""

from django.urls import path

from . import views

urlpatterns = [
    path("events/", views.EventsView.as_view(), name="events"),
    path("items/", views.ItemsView.as_view(), name="items"),
    path("customers/", views.CustomersView.as_view(), name="customers"),
    path("orders/", views.OrdersView.as_view(), name="orders"),
]
