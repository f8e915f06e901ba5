"""What this scenario does for others: profiles that are always about as new as the events."""

from .memberships import follow_time, update_memberships
from .profiles import refresh_profiles
from .requests import request_profiles, work_requests

__all__ = ["follow_time", "refresh_profiles", "request_profiles", "update_memberships", "work_requests"]
