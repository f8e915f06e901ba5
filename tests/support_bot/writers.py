"""Composers that write piece by piece: as slowly as a test wants, and made up where it wants."""

import os
import time

from ecomai.generation.composers import Composer, Composition, Piece


class Writer(Composer):
    """Writes `says`, a word at a time; `meanwhile` happens after the first sentence."""

    name = "writer"
    streams = True
    says = "Parcels within the country arrive within 2 to 4 working days."
    n_tokens = 0

    def compose(self, request):
        return Composition(texts=(self.says,), n_tokens=self.n_tokens)

    def stream(self, request):
        for word in self.says.split(" "):
            yield Piece(text=f"{word} ")
            if word.endswith("."):
                self.meanwhile()
        yield Piece(text="", n_tokens=self.n_tokens)

    def meanwhile(self):
        pass


class Paid(Writer):
    n_tokens = 120


class Inventing(Writer):
    says = "Parcels arrive within 2 to 4 working days. Delivery costs 9 GBP. We love Acme Corp."


class MadeUp(Writer):
    says = "Delivery costs 9 GBP and is guaranteed for life."


class Failing(Writer):
    def meanwhile(self):
        raise RuntimeError("a model broke")


class Stuck(Writer):
    """Writes a sentence, says in a file that it did, and comes to no end."""

    says = "Parcels within the country arrive within 2 to 4 working days. More comes."

    def meanwhile(self):
        with open(os.environ["ECOMAI_TEST_WRITTEN"], "a") as file:
            file.write("written\n")
        time.sleep(300)
