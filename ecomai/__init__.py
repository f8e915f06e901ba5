"""ecomai: AI for an existing Django shop. The foundation; it knows no scenario."""

__version__ = "0.1.0"
