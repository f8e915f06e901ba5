"""What texts are cut into: `ecomai.pieces`, which serving shares."""

from ecomai.pieces import CUTS, MAX_LETTERS, RUN, cut, stem, words

__all__ = ["CUTS", "MAX_LETTERS", "RUN", "cut", "stem", "words"]
