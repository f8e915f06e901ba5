"""Speech to measure with, from a synthesiser that the machine has."""

import io
import shutil
import subprocess
import tempfile
import wave
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

RATE = 16_000
#: Program -> what comes before the file that it writes and the text.
SYNTHESISERS = {
    "espeak-ng": ("-v", "en-us", "-s", "150", "-w"),
    "espeak": ("-v", "en-us", "-s", "150", "-w"),
    "flite": ("-o",),
}
SECONDS = 30


def find_synthesiser() -> list[str] | None:
    """Return how one is called, or None where the machine has none."""
    for name, options in SYNTHESISERS.items():
        if path := shutil.which(name):
            return [path, *options]
    return None


def speak(text: str) -> NDArray[np.int16]:
    """Return a text as it sounds: int16 of shape (n_samples,), 16,000 a second."""
    command = find_synthesiser()
    if command is None:
        raise FileNotFoundError("There is no synthesiser.")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "said.wav")
        words = ["-t", text] if command[0].endswith("flite") else [text]
        subprocess.run([*command, str(path), *words], check=True, timeout=SECONDS, capture_output=True)
        return at_rate(path.read_bytes())


def at_rate(content: bytes) -> NDArray[np.int16]:
    """Return the samples of a WAV file of 16 bits, 16,000 a second."""
    with wave.open(io.BytesIO(content)) as file:
        rate = file.getframerate()
        samples = np.frombuffer(file.readframes(file.getnframes()), dtype="<i2").astype(np.float64)
    places = np.arange(int(len(samples) * RATE / rate)) * rate / RATE
    return np.interp(places, np.arange(len(samples)), samples).astype(np.int16)
