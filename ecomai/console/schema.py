"""The OpenAPI description of our own endpoints, whatever schema class the host has set for its own."""

from typing import Any

from django.urls import include, path, reverse
from drf_spectacular.drainage import GENERATOR_STATS
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.openapi import AutoSchema
from rest_framework.request import Request

from ecomai import __version__


class VisitorScheme(OpenApiAuthenticationExtension):
    """How a page says who its visitor is."""

    target_class = "ecomai.fusion.authentication.VisitorAuthentication"
    name = "visitor"

    def get_security_definition(self, auto_schema: AutoSchema) -> dict[str, str]:
        return {"type": "apiKey", "in": "header", "name": "X-Ecomai-Customer"}


def describe(request: Request) -> dict[str, Any]:
    """Return the description, with addresses as the host included them."""
    prefix = reverse("ecomai:schema").removesuffix("api/schema/").lstrip("/")
    generator = SchemaGenerator(patterns=[path(prefix, include("ecomai.urls"))])
    # Its advice is for who writes endpoints; in the log of a shop it would be noise at every visit.
    with GENERATOR_STATS.silence():
        description: dict[str, Any] = generator.get_schema(request=request, public=True)
    description["info"] = {"title": "ecomai", "version": __version__}
    return description
