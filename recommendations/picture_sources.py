"""Where an item's picture lies, and the picture itself: read in a worker, with the care that addresses need.

Addresses come with the catalogue, which feeds and importers write: nobody may make a worker ask for
something inside the shop's own network by naming it as a picture.
"""

import hashlib
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from django.conf import settings
from django.core.exceptions import SuspiciousOperation
from django.core.files.storage import default_storage

from ecomai.fetching import FetchError, fetch
from ecomai.inference.pictures import UnreadablePictureError, open_picture

from .app_settings import app_settings

if TYPE_CHECKING:
    from PIL.Image import Image


class PictureFaultError(Exception):
    """An item's picture cannot be had. `reason` is that of `FetchError` or `UnreadablePictureError`, or
    `missing` or `elsewhere`."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def read_picture(url: str) -> "Image":
    """Return the picture that an item names. Raises PictureFaultError."""
    try:
        return open_picture(_content(url))
    except (FetchError, UnreadablePictureError) as error:
        raise PictureFaultError(error.reason) from None


def picture_digest(url: str) -> str:
    """Return what changes when another picture lies behind an item, as far as its address says so.

    Of a picture in the shop's own storage also when it was written.
    """
    parts = [url]
    name = _stored_name(url)
    if name:
        try:
            parts.append(str(default_storage.get_modified_time(name).timestamp()))
        except (OSError, NotImplementedError, SuspiciousOperation):
            parts.append("?")
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def _content(url: str) -> bytes:
    limit = app_settings.IMAGE_MAX_BYTES
    if name := _stored_name(url):
        return _stored_content(name, limit)
    if not urlsplit(url).scheme:
        raise PictureFaultError("elsewhere")
    seconds = app_settings.IMAGE_TIMEOUT_SECONDS
    return fetch(url, max_bytes=limit, timeout_seconds=seconds, own_hosts=app_settings.IMAGE_HOSTS)


def _stored_name(url: str) -> str:
    """Return a picture's name in the shop's media storage, or nothing where it lies somewhere else."""
    base = settings.MEDIA_URL
    if not base or base == "/" or not url.startswith(base):
        return ""
    return unquote(url.removeprefix(base).partition("?")[0])


def _stored_content(name: str, limit: int) -> bytes:
    try:
        with default_storage.open(name) as file:
            content = file.read(limit + 1)
    except (OSError, SuspiciousOperation):
        raise PictureFaultError("missing") from None
    if len(content) > limit:
        raise PictureFaultError("too_large")
    return content
