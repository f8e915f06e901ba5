"""Settings of the shop's data: `ECOMAI["COMMERCE"]`."""

from ecomai.conf import ImportSetting, Section, Setting


class CommerceSettings(Section, name="COMMERCE"):
    REPORTING_CURRENCY = Setting(
        "EUR", help="ISO 4217 code of the currency that sums are shown in; other currencies need dated rates."
    )
    EVENT_RETENTION_MONTHS: Setting[int | None] = Setting(
        None, unit="months", help="Events of older whole months are dropped each night; None keeps all."
    )
    REJECTED_RETENTION_DAYS: Setting[int | None] = Setting(
        180, unit="days", help="Rejected rows are deleted after this time, decided or not; None keeps them."
    )
    MAX_ROWS_PER_REQUEST = Setting(500, unit="rows", help="Rows that one POST may carry.")
    MAX_BODY_BYTES = Setting(1024 * 1024, unit="bytes", help="Size of the largest POST that is read.")
    EVENT_REQUESTS_PER_MINUTE = Setting(
        600,
        unit="requests per minute",
        help="Event batches taken per key and network address; more answer 429.",
    )
    WRITE_REQUESTS_PER_MINUTE = Setting(
        600, unit="requests per minute", help="Batches of items, customers or orders taken per key."
    )
    TRUSTED_PROXIES = Setting(
        1,
        unit="proxies",
        help="How many proxies of the shop's own append to X-Forwarded-For; limits per network address count "
        "by it. 0 where browsers reach the web process itself.",
    )
    EARLIEST_DATE = Setting("1995-01-01", help="Dates before this day are taken for mistakes and rejected.")
    CLOCK_TOLERANCE_MINUTES = Setting(
        60, unit="minutes", help="How far ahead of our clock a date may lie before it is rejected."
    )
    BROWSER_EVENT_MAX_AGE_DAYS = Setting(
        30, unit="days", help="Events sent with a publishable key must not be older than this."
    )
    SERVER_ONLY_EVENT_TYPES: Setting[tuple[str, ...]] = Setting(
        (), help="Event types that need a secret key, for shops that report purchases from the server alone."
    )
    MAX_PROPERTIES_BYTES = Setting(4096, unit="bytes", help="Size of an event's properties, as JSON.")
    KEY_GRACE_HOURS = Setting(72, unit="hours", help="How long the old key stays valid after a rotation.")
    PUBLISHABLE_KEY = Setting(
        "",
        help="The key that the tracker's template tag writes into pages; '' makes one for this site.",
    )
    CUSTOMER_ID = ImportSetting(
        "",
        help="Dotted path of a function from the logged-in user to the shop's customer id; '': str(pk).",
    )
    CUSTOMER_TOKEN_HOURS = Setting(
        24, unit="hours", help="How long the signed customer token in a page stays valid."
    )
    TRACKER_CONSENT = Setting(
        "wait",
        help="'wait': the tracker sends nothing until the shop's consent hook says so; 'granted': at once.",
    )
    ADAPTER = ImportSetting(
        "",
        help="Dotted path of the shop's `ecomai.commerce.adapters.ShopAdapter`; '' reads nothing.",
    )
    ADAPTER_CHUNK_ROWS = Setting(
        500, unit="rows", help="Rows of the shop that are read and written at once, in one transaction."
    )


app_settings = CommerceSettings()
