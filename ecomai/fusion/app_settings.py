"""Settings of fusion: `ECOMAI["FUSION"]`."""

from ecomai.conf import Section, Setting


class FusionSettings(Section, name="FUSION"):
    DEFAULT_CONSENT: Setting[dict[str, bool]] = Setting(
        dict,
        help="What counts for a purpose while nobody has answered, by purpose; the key '*' counts for all "
        "others. A purpose that is not named is refused.",
    )
    TRACKING_PURPOSE: Setting[str] = Setting(
        "tracking",
        help="What customers who refused this purpose look at, search for and put into baskets is not taken "
        "from the shop's own tables by an adapter. Orders, returns and reviews are. Empty: the ledger is not "
        "asked.",
    )
    FACT_RETENTION_DAYS: Setting[int] = Setting(
        400, unit="days", help="How long an expired fact stays readable `as_of` a past moment, for training."
    )
    FACT_BATCH_SIZE: Setting[int] = Setting(
        2000, unit="rows", help="How many facts go to the database at once."
    )
    EXPORT_EVENT_LIMIT: Setting[int] = Setting(
        100_000,
        unit="events",
        help="The most events that one export of a customer holds; the newest are kept.",
    )
    REQUESTS_PER_MINUTE: Setting[int] = Setting(
        30,
        unit="requests per minute",
        help="What a visitor may ask of `fusion/me/`, per login or network address.",
    )


app_settings = FusionSettings()
