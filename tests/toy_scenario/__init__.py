"""The smallest scenario that is whole: it learns the shop's typical price."""
