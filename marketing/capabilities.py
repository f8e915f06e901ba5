"""What marketing does for other scenarios: it listens to what customers write, and reads reviews to them."""

from collections.abc import Sequence

from ecomai.capabilities import HeardText, Hearing, Review, Reviews

from .models import Feedback
from .services.voice import LONGEST_TEXT, take_feedback


class ShopVoiceListener:
    """Takes chats beside reviews and feeds."""

    def hear(self, texts: Sequence[HeardText], *, storefront: str = "") -> Hearing:
        """Store texts, each once; one that cannot be taken is kept aside with its reason."""
        rows = [
            {
                "external_id": text.text_id, "source": Feedback.Source.CHAT, "text": text.text[:LONGEST_TEXT],
                "customer_id": text.customer_id, "language": text.language, "written_at": text.written_at,
            }
            for text in texts
        ]  # fmt: skip
        results = take_feedback(rows, storefront=storefront, source="capability")
        return Hearing(n_taken=sum(result.status == "accepted" for result in results))


class ShopReviewReader:
    """Reads the reviews that came in by events, REST and files."""

    def read_reviews(self, *, item_id: str, n: int = 50, storefront: str = "") -> Reviews:
        rows = Feedback.objects.filter(
            item__storefront=storefront, item__external_id=item_id, source=Feedback.Source.REVIEW
        ).order_by("-written_at")
        return Reviews([Review(text, rating) for text, rating in rows.values_list("text", "rating")[:n]])
