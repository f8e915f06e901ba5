"""Who writes: from facts and templates, by a language model here, or by one elsewhere."""

from .base import Composer, Composition, CompositionRequest, Piece
from .grounded import GroundedComposer

__all__ = ["Composer", "Composition", "CompositionRequest", "GroundedComposer", "Piece"]
