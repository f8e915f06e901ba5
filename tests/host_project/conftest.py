"""The shop's own suite runs under the shop's settings, in a process that the project's suite starts."""

import os

if os.environ.get("DJANGO_SETTINGS_MODULE") != "host_project.settings":
    collect_ignore_glob = ["*"]
