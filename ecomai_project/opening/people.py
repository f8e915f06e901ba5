"""The administrator of the demo shop, and the key with which its server would write."""

from django.contrib.auth import get_user_model

from ecomai.commerce.models import ApiKey
from ecomai.commerce.services import create_api_key
from ecomai_project.shop import Shop

ADMIN = "admin"
KEY_NAME = "demo shop's server"


def make_admin(password: str) -> None:
    """Make the administrator, or give it the password that is shown."""
    user, _is_new = get_user_model().objects.get_or_create(
        username=ADMIN, defaults={"is_staff": True, "is_superuser": True, "email": f"{ADMIN}@example.com"}
    )
    if not user.check_password(password):
        user.set_password(password)
        user.save()


def make_server_key(shop: Shop) -> str:
    """Return the secret key of the demo shop's server; made once, and kept to be shown again."""
    if not (shop.secret_key and ApiKey.objects.filter(name=KEY_NAME, revoked_at=None).exists()):
        _key, shop.secret_key = create_api_key(name=KEY_NAME, kind=ApiKey.Kind.SECRET)
        shop.save()
    return shop.secret_key
