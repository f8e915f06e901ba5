"""Values of what requests name, to put in place of those in the data: none of the test's is among them."""

from collections.abc import Collection

TITLES = ("Mr.", "Ms.", "Mrs.", "Dr.")
FIRST_NAMES = (
    "Olivia", "Noah", "Emma", "Liam", "Sofia", "Lucas", "Mia", "Ethan", "Hannah", "Omar", "Grace", "Victor",
    "Elena", "Marco", "Priya", "Kenji", "Ingrid", "Tomas", "Fatima", "Peter", "Laura", "Carl", "Susan",
)  # fmt: skip
LAST_NAMES = (
    "Baker", "Clark", "Evans", "Garcia", "Hughes", "Kim", "Larsen", "Moreno", "Novak", "Owens", "Parker",
    "Quinn", "Rossi", "Schmidt", "Tanaka", "Underwood", "Walker", "Young", "Zhang", "Brooks", "Harrison",
)  # fmt: skip
ACCOUNTS = (
    "Basic", "Plus", "Silver", "Bronze", "Business", "Enterprise", "Family", "Student", "Trial", "Starter",
    "Diamond", "Elite", "Classic", "Advanced", "Personal", "Corporate", "Deluxe", "Ultimate", "VIP", "Guest",
    "Lite", "Professional", "Unlimited", "Team", "Essential", "Regular", "Prime", "Demo", "paid", "Superior",
)  # fmt: skip


def values_without(unwanted: Collection[str]) -> dict[str, list[str]]:
    """Return values of each kind that a list can name, without some of them, in any case of letters.

    Cities and countries are those of Unicode's locale data, by way of Babel.
    """
    avoided = {value.lower() for value in unwanted}
    people = [f"{title} {name}" for title in TITLES for name in LAST_NAMES]
    people += [f"{first} {last}" for first in FIRST_NAMES for last in LAST_NAMES[::3]]
    found = {
        "account_type": list(ACCOUNTS), "person_name": people, "delivery_city": _cities(),
        "delivery_country": _countries(),
    }  # fmt: skip
    return {
        kind: [value for value in values if value.lower() not in avoided] for kind, values in found.items()
    }


def _cities() -> list[str]:
    """Cities that stand for time zones: some four hundred, of the whole world."""
    from babel import Locale

    zones = Locale("en").time_zones
    names = [str(name) for name in zones if "/" in str(name)]
    return sorted({str(zones[name].get("city") or _last_part(name)) for name in names})


def _last_part(zone: str) -> str:
    return zone.rsplit("/", 1)[-1].replace("_", " ")


def _countries() -> list[str]:
    from babel import Locale

    territories = Locale("en").territories
    return sorted({name for code, name in territories.items() if len(code) == 2 and code.isalpha()} | {"UK"})
