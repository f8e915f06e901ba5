"""Settings of generated texts: `ECOMAI["GENERATION"]`."""

from ecomai.conf import Section, Setting


class GenerationSettings(Section, name="GENERATION"):
    COMPOSER = Setting[str](
        "grounded",
        help="Who writes: `grounded` (templates and facts), `local` (a language model in a worker), `remote` "
        "(an OpenAI-compatible server), or the dotted path of a `Composer` of the shop's own. Where it does "
        "not answer, `grounded` does, and the draft says so.",
    )
    MIN_SUPPORT = Setting(
        0.5,
        help="The share of a sentence's telling words that must stand in the facts, 0 to 1; below it the "
        "sentence is withheld.",
    )
    TEMPERATURE = Setting(0.7, help="How freely a language model chooses; 0: always the likeliest word.")
    MAX_NEW_TOKENS = Setting(400, unit="tokens", help="At most so many for one answer of a language model.")
    LOCAL_MODEL = Setting[str](
        "",
        help="The folder, or the name in the Hugging Face cache, of a causal or seq2seq language model with "
        "safetensors weights. Loaded in workers only.",
    )
    LOCAL_DEVICE = Setting[str]("auto", help="`auto` takes the GPU where there is one; else `cpu`, `cuda:0`.")
    IMAGE_MODEL = Setting[str](
        "",
        help="The folder, or the name in the Hugging Face cache, of a text-to-image model for diffusers with "
        "safetensors weights; pictures of items are drawn with it, in workers with the extra `pictures`. "
        "Empty: no pictures are drawn.",
    )
    CUTOUT_MODEL = Setting[str](
        "",
        help="The folder, or the name in the Hugging Face cache, of a model of semantic segmentation for "
        "transformers with safetensors weights, one of whose labels is `background`; it takes away what "
        "is behind an item on a photo, in workers with the extra `pictures`. Empty: no background is taken "
        "away.",
    )
    IMAGE_SIDE = Setting(512, unit="pixels", help="The longer side of a picture that is drawn.")
    IMAGE_STEPS = Setting(30, unit="steps", help="The more, the slower and the finer.")
    REMOTE_URL = Setting[str](
        "", help="Where an OpenAI-compatible server answers, such as http://10.0.0.5:8000/v1 of a vLLM."
    )
    REMOTE_MODEL = Setting[str]("", help="The model to ask that server for.")
    REMOTE_KEY = Setting[str]("", help="Its API key, if it wants one.")
    REMOTE_TIMEOUT_SECONDS = Setting(
        30.0, unit="seconds", help="How long one answer may take, from the connection to its last byte."
    )
    REMOTE_RETRIES = Setting(
        2, unit="times", help="How often it is asked again when it is away, busy or answers nonsense."
    )
    TOKENS_PER_DAY = Setting(
        1_000_000,
        unit="tokens",
        help="So many, asked and answered, may be used a day; then `grounded` writes.",
    )
    COST_PER_DAY = Setting[str](
        "",
        help="So much may be spent a day, in the reporting currency, such as 5.00; empty: tokens count.",
    )
    PRICE_PER_MILLION_TOKENS = Setting[str](
        "0", help="What a million tokens cost at the remote server, in the reporting currency."
    )


app_settings = GenerationSettings()
