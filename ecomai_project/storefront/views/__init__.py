"""The demo shop's pages; each is a thin skin over selectors, services and the basket."""
