"""Keeps transformers from writing to a worker's terminal: progress goes through callbacks."""

import transformers


def silence_transformers() -> None:
    """Turn off its progress bars and all messages below errors."""
    transformers.utils.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
