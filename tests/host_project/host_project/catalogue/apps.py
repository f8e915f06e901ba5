from django.apps import AppConfig


class CatalogueConfig(AppConfig):
    name = "host_project.catalogue"
    label = "catalogue"
