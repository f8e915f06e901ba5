"""Names by which the registry knows this scenario's models."""

INTENT = "support_bot.intent"
PASSAGES = "support_bot.passages"
ANSWERS = "support_bot.answers"
MOOD = "support_bot.mood"
