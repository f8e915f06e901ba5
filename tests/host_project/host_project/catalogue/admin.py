from django.contrib import admin

from .models import Category, Product, StockLevel

admin.site.register(
    Product, list_display=["sku", "name", "unit_price", "is_visible"], search_fields=["sku", "name"]
)
admin.site.register([Category, StockLevel])
