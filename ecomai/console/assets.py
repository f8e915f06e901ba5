"""Serves Plotly's JavaScript out of the plotly wheel, so that no host has to configure a finder for it."""

import gzip
from functools import lru_cache
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured
from django.http import HttpRequest, HttpResponse, HttpResponseNotModified
from django.utils.cache import patch_vary_headers
from django.views.decorators.http import require_safe

A_YEAR_SECONDS = 365 * 24 * 3600


@require_safe
def plotly_javascript(request: HttpRequest, release: str) -> HttpResponse:
    """Answer the bundle, compressed where the browser takes that; the address carries the release."""
    tag = f'"plotly-{plotly_release()}"'
    if request.headers.get("If-None-Match") == tag:
        return HttpResponseNotModified()
    takes_gzip = "gzip" in request.headers.get("Accept-Encoding", "")
    body = _compressed_bundle() if takes_gzip else _bundle_path().read_bytes()
    response = HttpResponse(body, content_type="text/javascript; charset=utf-8")
    if takes_gzip:
        response["Content-Encoding"] = "gzip"
    response["ETag"] = tag
    response["Cache-Control"] = f"public, max-age={A_YEAR_SECONDS}, immutable"
    patch_vary_headers(response, ["Accept-Encoding"])
    return response


@lru_cache(maxsize=1)
def plotly_release() -> str:
    return version("plotly")


def _bundle_path() -> Path:
    spec = find_spec("plotly")  # locates the package; nothing of it is imported
    if spec is None or spec.origin is None:
        raise ImproperlyConfigured("The package “plotly” is not installed; it is a dependency of ecomai.")
    return Path(spec.origin).parent / "package_data" / "plotly.min.js"


@lru_cache(maxsize=1)
def _compressed_bundle() -> bytes:
    return gzip.compress(_bundle_path().read_bytes(), compresslevel=6, mtime=0)
