"""The settings of this scenario: `ECOMAI["SUPPORT_BOT"]`."""

from ecomai.conf import Section, Setting


class SupportBotSettings(Section, name="SUPPORT_BOT"):
    MAX_TEXT_LENGTH = Setting[int](
        2_000, unit="characters", help="The longest message of a customer that is taken."
    )
    MESSAGES_PER_MINUTE = Setting[int](
        30, unit="messages per minute", help="How many messages one customer may send; more are refused."
    )
    FRAMES_PER_MINUTE = Setting[int](
        240,
        unit="frames per minute",
        help="How many frames of any kind one socket may send before it is closed.",
    )
    REQUESTS_PER_MINUTE = Setting[int](
        240, unit="requests per minute", help="Requests of the chat without a socket, per network address."
    )
    PICTURE_MAX_BYTES = Setting[int](
        8_000_000, unit="bytes", help="The largest picture of a customer that is taken."
    )
    VOICE_SECONDS = Setting[int](
        30, unit="seconds", help="The longest recording of a customer that is taken."
    )
    HEARING_SECONDS = Setting[int](
        60, unit="seconds", help="How long a worker may take to write one recording down."
    )
    SPEECH_MODEL = Setting[str](
        "",
        help="The folder, or the name in the Hugging Face cache, of a Whisper or another model for speech to "
        "text with safetensors weights; loaded in workers only. Empty: pocketsphinx (extra `voice`) hears "
        "English with the shop's own phrases.",
    )
    READING_SECONDS = Setting[int](
        8, unit="seconds", help="So long a reply waits at most for what a worker reads in a picture."
    )
    REPLY_LEASE_SECONDS = Setting[int](
        30, unit="seconds", help="After so long an unanswered message is answered by somebody else."
    )
    WRITER_SECONDS = Setting[int](
        8,
        unit="seconds",
        help="So long a reply waits for a worker whose language model begins, or goes on, to write it; then "
        "the articles' own words are said.",
    )
    WRITER_QUEUE = Setting[str](
        "default",
        help="The Celery queue of replies that a language model writes. With a model of one's own give it a "
        "worker of its own, with one process.",
    )
    HISTORY_MESSAGES = Setting[int](
        50, unit="messages", help="How many of the newest messages a customer sees when the chat opens."
    )
    CLOSE_AFTER_HOURS = Setting[int](
        24, unit="hours", help="A conversation without a message for so long is closed."
    )
    KEEP_DAYS = Setting[int](
        365, unit="days", help="How long closed conversations stay before they are removed."
    )
    MAX_FAILED_ANSWERS = Setting[int](
        2,
        unit="answers",
        help="After so many answers in a row that did not help, a person is asked to take over.",
    )
    TOOL_SECONDS = Setting[float](
        8.0,
        unit="seconds",
        help="So long the shop may take to carry out what a customer confirmed; then a person is asked.",
    )
    CONFIRMATION_MINUTES = Setting[int](
        60, unit="minutes", help="So long a customer may say yes to what the bot offered to do."
    )
    PROOF_MINUTES = Setting[int](
        30, unit="minutes", help="So long a guest who proved an order may see to it in the same conversation."
    )
    PROOF_CODE_MINUTES = Setting[int](
        15, unit="minutes", help="So long a code that was mailed to the buyer of an order is good."
    )
    PROOF_ATTEMPTS = Setting[int](5, unit="attempts", help="How often a guest may try one mailed code.")
    PROOF_CODES_PER_DAY = Setting[int](
        5,
        unit="codes per day",
        help="How many codes are mailed for one order, and for one visitor.",
    )
    FIRST_ANSWER_MINUTES = Setting[int](
        15, unit="minutes", help="Within so much office time a person answers who is waited for."
    )
    URGENT_ANSWER_MINUTES = Setting[int](
        5, unit="minutes", help="The same for customers whose priority is high."
    )
    URGENT_FROM_PERCENT = Setting[int](60, unit="percent", help="From which priority on an answer is urgent.")
    PRIORITY_WORTH_MINUTES = Setting[int](
        30, unit="minutes", help="As so much longer waiting counts the highest priority."
    )
    GOOD_CUSTOMER_VALUE = Setting[int](
        200,
        unit="reporting currency",
        help="Expected value of a customer that counts as half of the most; more counts as more.",
    )
    CAREFUL_INTENTS = Setting[tuple[str, ...]](
        ("return_item", "exchange_item", "refund_status"),
        help="Intents that a person looks at where risk holds a customer's coupons.",
    )
    AGENT_COST_PER_HOUR = Setting[int](
        30, unit="reporting currency per hour", help="What an hour of a person costs, for the figures."
    )
    TOKEN_COST_PER_MILLION = Setting[int](
        1, unit="reporting currency per million tokens", help="What a model's tokens cost, for the figures."
    )
    CHATS_AT_ONCE = Setting[int](
        3, unit="chats", help="How many chats a person looks after at once, where people needed are reckoned."
    )
    RETURN_HOURS = Setting[int](
        72, unit="hours", help="Who does not come back for so long after the end counts as helped."
    )
    TRAINING_PURPOSE = Setting[str](
        "support",
        help="The purpose of the consent ledger that a known customer must have granted, for solved "
        "conversations of theirs to teach a language model how answers are worded.",
    )
    JUDGE_BY_MODEL = Setting[bool](
        False,
        help="Whether the language model of `GENERATION.COMPOSER` says each night of conversations that "
        "ended whether they were solved; beside what customers say.",
    )
    JUDGED_PER_NIGHT = Setting[int](
        500, unit="conversations", help="So many conversations at most a language model judges in a night."
    )
    KEEP_FIGURES_DAYS = Setting[int](
        1100, unit="days", help="How long figures of days and counts of hours stay."
    )
    KEEP_NOTES_DAYS = Setting[int](365, unit="days", help="How long notes of colleagues stay.")


app_settings = SupportBotSettings()
