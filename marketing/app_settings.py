"""The settings of this scenario: `ECOMAI["MARKETING"]`."""

from ecomai.conf import Section, Setting


class MarketingSettings(Section, name="MARKETING"):
    PURPOSE = Setting[str](
        "marketing",
        help="The purpose in the consent ledger that a customer must have granted to be in a segment, a "
        "training set or an audience.",
    )
    TIER_TRAIT = Setting[str](
        "loyalty_tier", help="The trait in which the shop says a customer's level of loyalty."
    )
    REFERRALS_TRAIT = Setting[str](
        "n_referrals", help="The trait in which the shop says how many others a customer brought."
    )
    HISTORY_DAYS = Setting[int](
        730, unit="days", help="How far back a profile reads visits; orders count from the first one on."
    )
    BASE_URL = Setting[str](
        "", help="The shop's address, such as https://shop.example, before links in mails."
    )
    MESSAGES_PER_WEEK = Setting[int](
        3, unit="messages", help="Who got so many within seven days is left out of a campaign."
    )
    QUIET_HOURS = Setting[tuple[int, int]](
        (21, 8),
        unit="hours from 0 to 23",
        help="From which hour to which, by the customer's clock, no mail goes out; two alike: never quiet.",
    )
    MAILS_PER_MINUTE = Setting[int](
        0,
        unit="mails",
        help="How many mails go out within a minute, over all campaigns and all workers that share Django's "
        "cache; 0: no limit.",
    )
    MOST_REFUSED = Setting[float](
        0.2,
        unit="0-1",
        help="A campaign pauses by itself once mail servers refuse a larger share of its mails than this.",
    )
    MESSAGES_PER_MINUTE = Setting[int](
        0,
        unit="messages",
        help="The same for each of the channels webhook and chat; 0: no limit.",
    )
    SENDING_WORKERS = Setting[int](
        2, unit="jobs", help="How many jobs share a campaign of more than a few hundred messages."
    )
    MAIL_TIMEOUT_SECONDS = Setting[int](
        30, unit="seconds", help="How long a mail server may be silent, where EMAIL_TIMEOUT sets no bound."
    )
    BOUNCE_ADDRESS = Setting[str](
        "",
        help="Where bounces come to, such as bounces@shop.example: mails then have the sender "
        "bounces+<delivery>-<proof>@shop.example in their envelope. Empty: the sender's own address.",
    )
    SOFT_BOUNCES = Setting[int](
        3, unit="bounces", help="After so many soft bounces within a month an address is suppressed."
    )
    HASH_KEY = Setting[str](
        "", help="Key of the hashes of suppressed addresses; empty: SECRET_KEY. A new one forgets them all."
    )
    MOST_BOUNCED = Setting[float](
        0.05, unit="0-1", help="A campaign pauses by itself once more of its messages than this bounced."
    )
    MOST_COMPLAINED = Setting[float](0.003, unit="0-1", help="The same for complaints.")
    MOST_UNSUBSCRIBED = Setting[float](0.03, unit="0-1", help="The same for those who unsubscribed by it.")
    LEAST_JUDGED = Setting[int](
        50, unit="messages", help="Before so many were sent no share of them pauses a campaign."
    )
    BATCH_SIZE = Setting[int](1000, unit="customers", help="How many profiles are computed at once.")
    AD_TARGET_HOSTS = Setting[tuple[str, ...]](
        (), help="Hosts beside the shop's own to which an advertisement may lead, such as brand.example."
    )
    AD_ATTRIBUTION_DAYS = Setting[int](
        7, unit="days", help="How long after a click an order counts as the advertisement's."
    )
    AD_EXPLORATION = Setting[float](
        0.05, unit="share", help="How often a place shows one of its advertisements by lot, to learn of all."
    )
    AD_REQUESTS_PER_MINUTE = Setting[int](
        600, unit="requests", help="How often one address may ask for advertisements and report them."
    )
    AD_TEXT_ENCODER = Setting[str](
        "auto", help='Reads the texts of items and advertisements: "auto", "char_ngram", or a model\'s name.'
    )
    VOICE_TEXT_ENCODER = Setting[str](
        "auto", help="Reads sentences of customers for aspects and topics; as `AD_TEXT_ENCODER`."
    )


app_settings = MarketingSettings()
