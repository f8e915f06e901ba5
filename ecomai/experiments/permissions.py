"""Who may read experiments over REST: staff with the permission, or a server's key with the scope."""

from typing import Any

from rest_framework.exceptions import MethodNotAllowed
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from ecomai.exceptions import PermissionDeniedError
from ecomai.registry.exceptions import NotAuthenticatedError

from .services import APP

READ = "experiments:read"


class MayReadExperiments(BasePermission):
    def has_permission(self, request: Request, view: Any) -> bool:
        if request.method != "GET":
            raise MethodNotAllowed(str(request.method))
        if request.auth is not None:
            # A publishable key stands in every page's source, whatever scopes it was given by mistake.
            if request.auth.kind != "secret" or READ not in request.auth.scopes:
                raise PermissionDeniedError
            return True
        if not request.user.is_authenticated:
            raise NotAuthenticatedError
        if not (request.user.is_staff and request.user.has_perm(f"{APP}.view_experiment")):
            raise PermissionDeniedError
        return True
