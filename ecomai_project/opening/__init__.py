"""Opens the demo shop: from an empty folder to a shop that recommends, step by step."""
