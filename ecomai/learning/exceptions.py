"""Errors of the learning library, for callers that know nothing of Django."""


class LearningError(Exception):
    """Base of every expected error of this package."""


class NotFittedError(LearningError, ValueError):
    """A prediction was asked of an estimator that has not learned yet."""


class InvalidDataError(LearningError, ValueError):
    """Input of a shape, type or range that cannot be learned from."""


class FormatVersionError(LearningError, ValueError):
    """A saved estimator was written by another class or another format of this package."""


class MissingEncoderError(LearningError, FileNotFoundError):
    """The folder or the name of a text encoder leads nowhere; the message names it."""


class ExportError(LearningError, RuntimeError):
    """The exported graph does not answer as the model does."""


class TrainingCancelledError(LearningError):
    """A callback asked the training to stop; what was learned is thrown away."""


class TrainingDivergedError(LearningError, ArithmeticError):
    """The loss or a weight became NaN or infinite; the message names the step and what to change."""


class TrainingMemoryError(LearningError, MemoryError):
    """A single training row does not fit into memory."""
