"""django-oscar's shop: what we read of it and what it can do for us, through its public classes and signals.

Models and classes are found as Oscar finds them (`get_model`, `get_class`), so a host may override any of
its apps. Nothing of Oscar is imported before the adapter is used.
"""

from .adapter import OscarAdapter
from .customers import customer_id

__all__ = ["OscarAdapter", "customer_id"]
