"""Countries, and customers who can log in."""

from typing import Any

from babel import Locale
from django.contrib.auth import get_user_model
from django.contrib.auth.hashers import make_password
from django.db import transaction
from django.utils import timezone
from oscar.core.loading import get_model
from phonenumbers import SUPPORTED_REGIONS

from ecomai.commerce.records import CustomerIn

from .bulk import given, in_chunks

Country = get_model("address", "Country")
UserAddress = get_model("address", "UserAddress")

MAIL_DOMAIN = "example.com"
# An export names no streets; these let a customer go through the checkout without typing one.
STREET, TOWN, POSTCODE = "1 Example Street", "Exampleton", "12345"


def load_countries(language: str) -> None:
    """Write the countries that an address may be in, under the names of one language."""
    names = Locale.parse(language.replace("-", "_")).territories
    Country.objects.bulk_create(
        (
            Country(
                iso_3166_1_a2=code, printable_name=names[code], name=names[code], is_shipping_country=True
            )
            for code in sorted(SUPPORTED_REGIONS & names.keys())
        ),
        ignore_conflicts=True,
    )


class PeopleLoader:
    """Customers become users named by their number; an empty password lets nobody log in."""

    def __init__(self, password: str) -> None:
        # One hash for all: three thousand of them would take many minutes.
        self.password = make_password(password or None)
        self.countries = {country.iso_3166_1_a2: country for country in Country.objects.all()}
        self.by_name = {country.printable_name.lower(): country for country in self.countries.values()}

    def load(self, customers: Any) -> int:
        users = get_user_model()
        n_new = 0
        for chunk in in_chunks(customers):
            ids = [customer.external_id for customer in chunk]
            known = set(users.objects.filter(username__in=ids).values_list("username", flat=True))
            new = [customer for customer in chunk if customer.external_id not in known]
            with transaction.atomic():
                created = users.objects.bulk_create([self._user(customer) for customer in new])
                UserAddress.objects.bulk_create(
                    self._address(user, country)
                    for customer, user in zip(new, created, strict=True)
                    if (country := self._country(customer))
                )
            n_new += len(new)
        return n_new

    def _user(self, customer: CustomerIn) -> Any:
        return get_user_model()(
            username=customer.external_id,
            email=f"{customer.external_id.lower()}@{MAIL_DOMAIN}",
            password=self.password,
            date_joined=given(customer.first_seen_at, timezone.now()),
        )

    def _country(self, customer: CustomerIn) -> Any:
        name = given(customer.country, "")
        return self.countries.get(name.upper()) or self.by_name.get(name.lower())

    def _address(self, user: Any, country: Any) -> Any:
        address = UserAddress(
            user=user, first_name="", last_name=user.username, line1=STREET, line4=TOWN, postcode=POSTCODE,
            country=country, is_default_for_shipping=True, is_default_for_billing=True,
        )  # fmt: skip
        # What `save()` would fill in.
        address.hash = address.generate_hash()
        address.search_text = " ".join(address.active_address_fields())
        return address
