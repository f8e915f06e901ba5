"""The settings of this scenario: `ECOMAI["RECOMMENDATIONS"]`."""

from ecomai.conf import Section, Setting


def _event_weights() -> dict[str, float]:
    return {"purchase": 5.0, "cart": 3.0, "wishlist": 2.0, "click": 1.0, "view": 1.0, "return": -5.0}


class RecommendationSettings(Section, name="RECOMMENDATIONS"):
    EVENT_WEIGHTS = Setting[dict[str, float]](
        _event_weights,
        help="How much an event of each type counts for an item's popularity. Types with a positive weight "
        "are the history that models learn from and answer to.",
    )
    HISTORY_LENGTH = Setting[int](
        50, unit="items", help="How many of a customer's latest items an answer is based on."
    )
    EXCLUDE_PURCHASED = Setting[bool](True, help="Whether what a customer bought is left out of the answers.")
    REBUYABLE_CATEGORIES = Setting[list[str]](
        list, help="Beginnings of category paths whose items may be recommended again after a purchase."
    )
    CONSENT_PURPOSE = Setting[str](
        "recommendations",
        help="Who refused this purpose in the consent ledger is answered as a new visitor. Without an answer "
        "`FUSION.DEFAULT_CONSENT` decides where it names the purpose or '*'; else history is used. Empty: "
        "the ledger is not asked.",
    )
    DEFAULT_N = Setting[int](
        10, unit="items", help="How many items an answer has when the request does not say."
    )
    MAX_N = Setting[int](100, unit="items", help="The most items one request may ask for.")
    REQUESTS_PER_MINUTE = Setting[int](
        600,
        unit="requests per minute",
        help="What a page may ask, per key or login and network address; more answer 429. Secret keys are "
        "not bounded.",
    )
    BATCH_N = Setting[int](100, unit="items", help="How many items batch scoring keeps for each customer.")
    SHARD_SIZE = Setting[int](
        2000, unit="customers", help="How many customers one job of batch scoring scores."
    )
    TIME_BUDGET_SECONDS = Setting[float](
        0.25, unit="seconds", help="How long a model may take before the fallback answers instead."
    )
    POPULARITY_DAYS = Setting[int](60, unit="days", help="How far back events count for popularity.")
    POPULARITY_HALF_LIFE_DAYS = Setting[float](
        14.0, unit="days", help="After this time an event counts half for popularity."
    )
    POPULARITY_REFRESH_SECONDS = Setting[int](
        60, unit="seconds", help="The least time between two counts of popularity while events come in."
    )
    LOG_SHARE = Setting[float](
        1.0, unit="share from 0 to 1", help="Which share of the answers is kept for judging what was shown."
    )
    LOG_DAYS = Setting[int](90, unit="days", help="How long kept answers stay before they are removed.")
    CONVERSION_DAYS = Setting[int](
        7, unit="days", help="How long after an item was seen or clicked its purchase counts for the answer."
    )
    MONITORING_DAYS = Setting[int](400, unit="days", help="How long the daily figures of answers are kept.")
    EXPOSURE_DAYS = Setting[int](
        90, unit="days", help="How long the daily exposure of each item is kept; sums of a day stay longer."
    )
    TAIL_DAYS = Setting[int](
        30, unit="days", help="The newest days whose answers say which items are rarely shown."
    )
    TAIL_MIN_POTENTIAL = Setting[float](
        0.2,
        unit="share from 0 to 1",
        help="Rarely shown items with less potential (margin, rating, likeness to what sells) get no places.",
    )
    NEW_ITEM_DAYS = Setting[int](
        30, unit="days", help="So long after it was listed an item counts as new, and so as rarely shown."
    )
    DRIFT_DAYS = Setting[int](
        14, unit="days", help="The newest days that are held against what the live version learned from."
    )
    SEARCH_LANGUAGE = Setting[str](
        "english",
        help="Whose endings a search leaves off, by Snowball's name of the language; words of other scripts "
        "are left as they are.",
    )
    SEARCH_IS_PERSONAL = Setting[bool](
        True,
        help="Whether a search puts first what a customer is fond of, where the request does not say. "
        "Consent is heeded as for recommendations.",
    )
    SEARCH_READING_SECONDS = Setting[float](
        0.05,
        unit="seconds",
        help="How long a search may read the titles of its first items together with the query, where the "
        "live version has learned that; 0 leaves them in the trees' order.",
    )
    SUGGESTION_MIN_PEOPLE = Setting[int](
        3, unit="visitors", help="So many must have searched for something before it is suggested to others."
    )
    SEO_LANGUAGES = Setting[list[str]](
        lambda: ["en", "zh-hans"],
        help="In which languages titles and descriptions for search engines are composed; an item's own "
        "facts stay in the shop's language.",
    )
    ENCODER = Setting[str](
        "auto",
        help="What turns item texts into vectors: `auto` (the English default where it can read the "
        "catalogue, else character n-grams), `char_ngram`, or a folder or Hugging Face id.",
    )
    IMAGE_ENCODER = Setting[str](
        "",
        help="What turns pictures of items into vectors: a folder or Hugging Face id of a CLIP or SigLIP "
        "model, or `small`, which learns from the shop's own pictures alone. Empty: pictures are not read.",
    )
    IMAGE_MAX_BYTES = Setting[int](
        10_000_000, unit="bytes", help="A larger picture is not read, of an item or of who searches by one."
    )
    IMAGE_TIMEOUT_SECONDS = Setting[float](
        10.0, unit="seconds", help="How long fetching the picture of an item by http(s) may take."
    )
    IMAGE_HOSTS = Setting[list[str]](
        list,
        help="Own hosts (`media.shop.internal`, or with a port) that pictures of items may come from though "
        "their addresses are private or their ports unusual; of any other host only public ones are asked.",
    )
    PICTURE_SEARCHES_PER_MINUTE = Setting[int](
        30,
        unit="requests per minute",
        help="How many pictures a visitor may search by, per key or login and network address.",
    )
    MIN_INTERACTIONS = Setting[int](1000, unit="events", help="The least history a training needs.")
    MIN_CUSTOMERS = Setting[int](
        25, unit="customers", help="The least customers or sessions with two items or more a training needs."
    )
    MIN_ITEMS = Setting[int](10, unit="items", help="The least items with events a training needs.")


app_settings = RecommendationSettings()
