"""What can go wrong with the embedded services."""


class EmbeddedError(Exception):
    """An embedded service could not be started or stopped; the text says what to do."""
