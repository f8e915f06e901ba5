"""Names under which models of this scenario are registered, for those who must not import the scenario."""

AD_RESPONSE = "marketing.ad_response"
