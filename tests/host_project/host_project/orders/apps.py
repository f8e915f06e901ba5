from django.apps import AppConfig


class OrdersConfig(AppConfig):
    name = "host_project.orders"
    label = "orders"
