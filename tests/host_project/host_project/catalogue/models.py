"""What the shop sells."""

from django.db import models


class Category(models.Model):
    name = models.CharField(max_length=100)
    parent = models.ForeignKey("self", null=True, blank=True, on_delete=models.CASCADE)

    def __str__(self):
        return self.name

    def path(self):
        return f"{self.parent.path()} > {self.name}" if self.parent else self.name


class Label(models.Model):
    name = models.CharField(max_length=50)

    def __str__(self):
        return self.name


class Product(models.Model):
    sku = models.CharField(max_length=30, unique=True)
    name = models.CharField(max_length=200)
    summary = models.TextField(blank=True)
    category = models.ForeignKey(Category, null=True, on_delete=models.SET_NULL)
    maker = models.CharField(max_length=100, blank=True)
    unit_price = models.DecimalField(max_digits=10, decimal_places=2)
    is_visible = models.BooleanField(default=True)
    labels = models.ManyToManyField(Label, blank=True, related_name="products")
    released = models.DateField()

    def __str__(self):
        return self.name

    def get_absolute_url(self):
        return f"/p/{self.sku}/"

    def label_names(self):
        return {"labels": sorted(label.name for label in self.labels.all())}


class StockLevel(models.Model):
    product = models.OneToOneField(Product, on_delete=models.CASCADE, related_name="stock_level")
    on_hand = models.IntegerField(default=0)

    def __str__(self):
        return f"{self.product} {self.on_hand}"
