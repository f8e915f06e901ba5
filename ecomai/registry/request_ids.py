"""The id of the request that work comes from: set at the edge, kept with jobs and audit entries."""

from contextvars import ContextVar

current_request_id: ContextVar[str] = ContextVar("ecomai_request_id", default="")
