"""In which language a message is: by its script, and by small words where scripts are shared."""

from ecomai.inference.pieces import words
from ecomai.inference.stop_words import STOP_WORDS
from ecomai.inference.text import main_script, script_of_letter

OF_SCRIPT = {
    "kana": "ja", "hangul": "ko", "cyrillic": "ru", "greek": "el", "arabic": "ar", "hebrew": "he",
    "thai": "th", "armenian": "hy", "georgian": "ka",
}  # fmt: skip
CODES = {
    "english": "en", "german": "de", "french": "fr", "spanish": "es", "italian": "it", "portuguese": "pt",
    "dutch": "nl",
}  # fmt: skip


def detect_language(text: str, *, default: str = "en") -> str:
    """Return the code of the language that a text is probably in; `default` where nothing says.

    Examples
    --------
    >>> detect_language("我的订单到哪里了"), detect_language("wo ist mein Paket und wann kommt es zu mir")
    ('zh-hans', 'de')
    """
    script = main_script(text)
    if script == "han":
        has_kana = any(script_of_letter(letter) == "kana" for letter in text if letter.isalpha())
        return "ja" if has_kana else "zh-hans"
    if script != "latin":
        return OF_SCRIPT.get(script, default)
    said = list(words(text))
    counts = {CODES[name]: sum(word in small for word in said) for name, small in STOP_WORDS.items()}
    best = max(counts, key=lambda code: (counts[code], code == default))
    return best if counts[best] > counts.get(default, 0) else default
