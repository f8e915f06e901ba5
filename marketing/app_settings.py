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
    BATCH_SIZE = Setting[int](1000, unit="customers", help="How many profiles are computed at once.")


app_settings = MarketingSettings()
