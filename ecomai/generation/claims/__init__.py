"""What a text claims, and whether the facts say so too."""

from .checking import Checked, Evidence, Finding, Rules, check_text
from .sentences import describe

__all__ = ["Checked", "Evidence", "Finding", "Rules", "check_text", "describe"]
