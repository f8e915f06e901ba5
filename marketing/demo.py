"""What the demo shop shows of this scenario."""

from .models import ProfileReference
from .services.profiling import start_profiling


def seed_demo() -> None:
    """Have the profiles of all customers computed. Safe to run twice."""
    if not ProfileReference.objects.exists():
        start_profiling()
