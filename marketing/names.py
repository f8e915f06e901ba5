"""Names under which models and facts of this scenario are registered, for those who must not import it."""

AD_RESPONSE = "marketing.ad_response"
LIFE_CYCLE = "marketing.life_cycle"
FAVOURITE_CATEGORY = "marketing.favourite_category"
PRICE_LEVEL = "marketing.price_level"
