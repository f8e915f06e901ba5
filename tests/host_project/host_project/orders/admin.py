from django.contrib import admin

from .models import Order, Voucher

admin.site.register(Order, list_display=["number", "state", "bought"], list_filter=["state"])
admin.site.register(Voucher)
