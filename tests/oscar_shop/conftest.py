"""The Oscar shop's own suite runs under the shop's settings, in a process that the project's suite starts."""

import os

SETTINGS = os.environ.get("DJANGO_SETTINGS_MODULE", "")

if SETTINGS not in {"oscar_shop.settings", "forked.settings"}:
    collect_ignore_glob = ["*"]
else:
    from oscar_fixtures import *  # noqa: F403
