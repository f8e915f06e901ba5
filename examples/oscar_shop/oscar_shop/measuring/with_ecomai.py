"""The demo shop as it is, counting its queries."""

from oscar_shop.demo_settings import *  # noqa: F403
from oscar_shop.demo_settings import MIDDLEWARE

MIDDLEWARE = ["oscar_shop.measuring.QueryCounter", *MIDDLEWARE]
