"""Files that lie in the database because they are somebody's own."""

from django.http import HttpResponse


def private_file(content: bytes, media_type: str) -> HttpResponse:
    """Answer with a file; for whoever was found to be allowed to see it. No cache keeps it."""
    headers = {"X-Content-Type-Options": "nosniff", "Cache-Control": "private, no-store"}
    return HttpResponse(content, content_type=media_type, headers=headers)
