"""Files that visitors send: kept in memory while they are read, never written, bounded as they come in."""

from typing import Any

from django.core.files.uploadhandler import MemoryFileUploadHandler, StopUpload
from django.http import HttpRequest

from .exceptions import PayloadTooLargeError

#: What a form may have besides its file.
FORM_BYTES = 65_536


class BoundedUpload(MemoryFileUploadHandler):
    """Takes files up to a number of bytes in all. Where more comes, reading ends: `is_too_large`."""

    def __init__(self, request: Any, *, max_bytes: int) -> None:
        super().__init__(request)
        self.max_bytes = max_bytes
        self.is_too_large = False
        self._n_bytes = 0

    def handle_raw_input(self, *args: Any, **kwargs: Any) -> None:
        self.activated = True  # Django's own would leave a large file to a handler that writes it

    def receive_data_chunk(self, raw_data: bytes, start: int) -> bytes | None:
        self._n_bytes += len(raw_data)
        if self._n_bytes > self.max_bytes:
            self.is_too_large = True
            raise StopUpload(connection_reset=True)
        return super().receive_data_chunk(raw_data, start)


def bound_upload(request: HttpRequest, *, max_bytes: int) -> None:
    """Have a request's files read so. To be called before anything looks into its body."""
    request.upload_handlers = [BoundedUpload(request, max_bytes=max_bytes)]


def read_upload(request: HttpRequest, name: str, *, error: type[PayloadTooLargeError]) -> bytes:
    """Return the content of a form's file, empty without one. Raises `error` where it is too large."""
    handler: Any = request.upload_handlers[0]
    n_claimed = int(request.META.get("CONTENT_LENGTH") or 0)
    if n_claimed > handler.max_bytes + FORM_BYTES:
        raise error(limit=handler.max_bytes)
    file = request.FILES.get(name)
    if handler.is_too_large:
        raise error(limit=handler.max_bytes)
    return file.read() if file else b""  # type: ignore[union-attr]
