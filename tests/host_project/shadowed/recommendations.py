"""A file of the shop that happens to have the short name of one of ecomai's scenarios."""

TOP_TEN = ["P0001", "P0002"]
