from django.apps import AppConfig


class MarketingConfig(AppConfig):
    name = "host_project.marketing"
    label = "marketing"
