"""Who clicks on an advertisement, and who buys after the click."""
