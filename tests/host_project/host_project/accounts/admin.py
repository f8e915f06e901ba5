from django.contrib import admin

from .models import User

admin.site.register(User, list_display=["email", "tier", "is_staff"], search_fields=["email"])
