"""Who may call the registry's REST endpoints: staff with the permission, or a server's key with the scope."""

from typing import Any

from rest_framework.exceptions import MethodNotAllowed
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from ecomai.exceptions import PermissionDeniedError

from .exceptions import NotAuthenticatedError
from .services.access import APP

READ = "registry:read"
TRAIN = "registry:train"
PROMOTE = "registry:promote"


class MayUseRegistry(BasePermission):
    """Compares the caller with the view's `scopes` and `codenames`, by HTTP method."""

    def has_permission(self, request: Request, view: Any) -> bool:
        if request.method not in view.codenames:
            raise MethodNotAllowed(str(request.method))
        if request.auth is not None:
            return _check_key(request.auth, view.scopes[request.method])
        if not request.user.is_authenticated:
            raise NotAuthenticatedError
        if not (request.user.is_staff and request.user.has_perm(f"{APP}.{view.codenames[request.method]}")):
            raise PermissionDeniedError
        return True


def _check_key(key: Any, scope: str) -> bool:
    # A publishable key stands in every page's source, whatever scopes it was given by mistake.
    if key.kind != "secret" or scope not in key.scopes:
        raise PermissionDeniedError
    return True
