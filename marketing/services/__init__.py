"""What this scenario does for others: profiles that are always about as new as the events."""

from .profiles import refresh_profiles
from .requests import request_profiles, work_requests

__all__ = ["refresh_profiles", "request_profiles", "work_requests"]
