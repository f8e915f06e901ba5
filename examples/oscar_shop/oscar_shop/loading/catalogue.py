"""Product classes, categories, products, stock records and pictures."""

from collections import defaultdict
from decimal import Decimal
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.files.base import ContentFile
from django.db import transaction
from django.utils.text import slugify
from oscar.core.loading import get_model
from oscar.core.utils import slugify as oscar_slugify

from ecomai.commerce.records import ItemIn

from .bulk import given, in_chunks, set_times
from .pictures import find_picture

Category = get_model("catalogue", "Category")
Partner = get_model("partner", "Partner")
Product = get_model("catalogue", "Product")
ProductAttribute = get_model("catalogue", "ProductAttribute")
ProductAttributeValue = get_model("catalogue", "ProductAttributeValue")
ProductCategory = get_model("catalogue", "ProductCategory")
ProductClass = get_model("catalogue", "ProductClass")
ProductImage = get_model("catalogue", "ProductImage")
StockRecord = get_model("partner", "StockRecord")

SEPARATOR = " > "
PARTNER = "Warehouse"
BRAND = "brand"


class CatalogueLoader:
    """Writes items as stand-alone products; a department (the first category) is a product class."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.partner, _created = Partner.objects.get_or_create(code="warehouse", defaults={"name": PARTNER})
        self._categories: dict[str, Any] = {}
        self._classes: dict[tuple[str, bool], Any] = {}
        self._attributes: dict[tuple[int, str], Any] = {}

    def load(self, items: Any) -> int:
        n_new = 0
        for chunk in in_chunks(items, 500):
            found = Product.objects.filter(upc__in=[item.external_id for item in chunk])
            known = set(found.values_list("upc", flat=True))
            new = [item for item in chunk if item.external_id not in known]
            if new:
                with transaction.atomic():
                    self._write(new)
            n_new += len(new)
        return n_new

    def _write(self, items: list[ItemIn]) -> None:
        products = Product.objects.bulk_create([self._product(item) for item in items])
        pairs = list(zip(items, products, strict=True))
        listed = [(product.pk, given(item.listed_at, None)) for item, product in pairs]
        set_times(Product, "date_created", [(pk, at) for pk, at in listed if at])
        StockRecord.objects.bulk_create([self._stock(item, product) for item, product in pairs])
        ProductCategory.objects.bulk_create(
            ProductCategory(product=product, category=self._category(path))
            for item, product in pairs
            if (path := given(item.category_path, ""))
        )
        self._write_attributes(pairs)
        self._write_pictures(pairs)

    def _product(self, item: ItemIn) -> Any:
        title = given(item.title, "") or item.external_id
        return Product(
            upc=item.external_id,
            title=title[:255],
            slug=oscar_slugify(title)[:255] or "product",
            description=given(item.description, ""),
            is_public=given(item.is_active, True),
            product_class=self._class(item),
        )

    def _stock(self, item: ItemIn, product: Any) -> Any:
        price = given(item.price, None)
        return StockRecord(
            product=product,
            partner=self.partner,
            partner_sku=item.external_id,
            price_currency=given(item.currency, "") or settings.OSCAR_DEFAULT_CURRENCY,
            price=None if price is None else Decimal(price).quantize(Decimal("0.01")),
            num_in_stock=given(item.stock, None),
        )

    def _class(self, item: ItemIn) -> Any:
        """A department's product class; what has no number in stock can always be bought."""
        name = given(item.category_path, "").split(SEPARATOR)[0] or "Product"
        is_tracked = given(item.stock, None) is not None
        if (name, is_tracked) not in self._classes:
            slug = slugify(name, allow_unicode=True) + ("" if is_tracked else "-untracked")
            self._classes[name, is_tracked], _created = ProductClass.objects.get_or_create(
                slug=slug, defaults={"name": name, "track_stock": is_tracked}
            )
        return self._classes[name, is_tracked]

    def _category(self, path: str) -> Any:
        if path not in self._categories:
            above, _separator, name = path.rpartition(SEPARATOR)
            parent = self._category(above) if above else None
            siblings = parent.get_children() if parent else Category.get_root_nodes()
            category = siblings.filter(name=name).first()
            if category is None:
                # Read anew, as treebeard counts the children on the row.
                fresh = Category.objects.get(pk=parent.pk) if parent else None
                category = fresh.add_child(name=name) if fresh else Category.add_root(name=name)
            self._categories[path] = category
        return self._categories[path]

    def _write_attributes(self, pairs: list[tuple[ItemIn, Any]]) -> None:
        values = []
        for item, product in pairs:
            said = given(item.attributes, {})
            named = {name[:1].upper() + name[1:]: str(value) for name, value in said.items()}
            if brand := given(item.brand, ""):
                values.append((product, self._attribute(product.product_class, "Brand", BRAND), brand))
            values += [
                (product, self._attribute(product.product_class, name), value)
                for name, value in named.items()
            ]
        ProductAttributeValue.objects.bulk_create(
            ProductAttributeValue(product=product, attribute=attribute, value_text=value)
            for product, attribute, value in values
        )

    def _attribute(self, product_class: Any, name: str, code: str = "") -> Any:
        key = (product_class.pk, name)
        if key not in self._attributes:
            found = ProductAttribute.objects.filter(product_class=product_class, name=name).first()
            if found is None:
                # Oscar wants codes of Latin letters; a Chinese name has none.
                number = ProductAttribute.objects.filter(product_class=product_class).count() + 1
                code = code or slugify(name).replace("-", "_") or f"attribute_{number}"
                found = ProductAttribute.objects.create(
                    product_class=product_class, name=name, code=code, type="text"
                )
            self._attributes[key] = found
        return self._attributes[key]

    def _write_pictures(self, pairs: list[tuple[ItemIn, Any]]) -> None:
        images = defaultdict(list)
        for item, product in pairs:
            for url in given(item.image_urls, []):
                if found := find_picture(self.folder, url):
                    images[product].append(found)
        rows = []
        for product, found in images.items():
            for order, (suffix, content) in enumerate(found):
                image = ProductImage(product=product, display_order=order, caption=product.title[:200])
                image.original.save(f"{slugify(product.upc)}{suffix}", ContentFile(content), save=False)
                rows.append(image)
        ProductImage.objects.bulk_create(rows)
