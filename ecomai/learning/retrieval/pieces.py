"""What texts are cut into: `ecomai.inference.pieces`, which serving shares."""

from ecomai.inference.pieces import CUTS, MAX_LETTERS, RUN, cut, stem, words

__all__ = ["CUTS", "MAX_LETTERS", "RUN", "cut", "stem", "words"]
