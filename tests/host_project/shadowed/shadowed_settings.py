"""The same shop, with its own top-level modules `marketing` and `recommendations`."""

from host_project.settings import *  # noqa: F403
from host_project.settings import INSTALLED_APPS

INSTALLED_APPS = ["marketing" if name == "host_project.marketing" else name for name in INSTALLED_APPS]
