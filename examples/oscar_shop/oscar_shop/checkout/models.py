"""Oscar's checkout has no tables; a fork of it needs the module."""

from oscar.apps.checkout.models import *  # noqa: F403
