from django.apps import AppConfig


class AccountsConfig(AppConfig):
    name = "host_project.accounts"
    label = "accounts"
