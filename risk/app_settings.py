"""The settings of this scenario: `ECOMAI["RISK"]`."""

from ecomai.conf import Section, Setting


class RiskSettings(Section, name="RISK"):
    HASH_KEY = Setting[str](
        "",
        help="The secret that card fingerprints, devices, addresses and e-mails are hashed with before they "
        "are kept. Empty: derived from `SECRET_KEY`. After a change everything is seen for the first time.",
    )
    IPV4_PREFIX = Setting[int](24, unit="bits", help="How much of an IPv4 address names its network.")
    IPV6_PREFIX = Setting[int](
        48, unit="bits", help="How much of an IPv6 address names its network; homes get a /48 to a /64."
    )
    MAX_LINES = Setting[int](10_000, unit="lines", help="The most lines of an order that are taken.")
    KEPT_LINES = Setting[int](
        50, unit="lines", help="How many lines of an order are kept for reviewers; sums count them all."
    )
    MAX_PICTURES = Setting[int](4, unit="pictures", help="The most pictures of a question that are taken.")
    PICTURE_MAX_BYTES = Setting[int](
        2_000_000, unit="bytes", help="The largest picture of a question that is taken."
    )
    TEXT_ENCODER = Setting[str](
        "auto",
        help="What reads texts of listings and reviews: `auto` (all-MiniLM-L6-v2 for Latin scripts, n-grams "
        "for others), `char_ngram`, or the folder or id of an encoder. It is used from the next training on.",
    )
    IMAGE_ENCODER = Setting[str](
        "",
        help="The model whose image encoder reads pictures of listings and reviews, such as "
        "`recommendations.image_encoder`. Empty: pictures are not read.",
    )
    REQUESTS_PER_MINUTE = Setting[int](
        30_000, unit="requests per minute", help="Assessments taken per key; more answer 429."
    )
    LABEL_DELAY_DAYS = Setting[int](
        45,
        unit="days",
        help="After so long without a chargeback an assessment counts as honest when models learn.",
    )
    KEEP_DAYS = Setting[int](
        730, unit="days", help="How long assessments stay before they are removed, with their labels."
    )
    MIN_ASSESSMENTS = Setting[int](
        500, unit="assessments", help="The least assessments with a known outcome a training needs."
    )
    MIN_FRAUD = Setting[int](20, unit="assessments", help="The least known frauds a training needs.")
    LOCK_MINUTES = Setting[int](
        10, unit="minutes", help="How long a reviewer has a case to oneself; looking at it takes it longer."
    )
    LEARNING_SHARE = Setting[float](
        0.1,
        unit="share from 0 to 1",
        help="Which share of the reviews of a day is spent on cases that the model learns most from.",
    )
    APPEALS_PER_HOUR = Setting[int](
        10,
        unit="requests per hour",
        help="How often a customer may appeal, per login or network address.",
    )
    MOST_APPEALS = Setting[int](2, help="How often a customer may appeal against the same decision.")
    FAIRNESS_DAYS = Setting[int](
        28, unit="days", help="Over how many days the groups of customers are compared for the alarm."
    )
    FAIRNESS_LEAST = Setting[int](
        100, unit="assessments", help="A group with fewer assessments raises no alarm."
    )


app_settings = RiskSettings()
