"""Baskets, orders, returns and vouchers of the shop."""

from django.conf import settings
from django.db import models

from host_project.catalogue.models import Product


class Basket(models.Model):
    owner = models.OneToOneField(settings.AUTH_USER_MODEL, on_delete=models.CASCADE)

    def __str__(self):
        return f"Basket of {self.owner}"

    def put(self, product, pieces):
        line, _ = self.lines.get_or_create(product=product, defaults={"pieces": 0})
        line.pieces += pieces
        line.save()


class BasketLine(models.Model):
    basket = models.ForeignKey(Basket, on_delete=models.CASCADE, related_name="lines")
    product = models.ForeignKey(Product, on_delete=models.CASCADE)
    pieces = models.PositiveIntegerField(default=1)

    def __str__(self):
        return f"{self.pieces} {self.product}"


class Order(models.Model):
    number = models.CharField(max_length=20, unique=True)
    buyer = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL)
    state = models.CharField(max_length=10, default="new", help_text="new, stopped, sent or void")
    city = models.CharField(max_length=100, blank=True)
    street = models.CharField(max_length=200, blank=True)
    currency = models.CharField(max_length=3, default="EUR")
    bought = models.DateTimeField()

    def __str__(self):
        return self.number

    def move_to(self, state):
        """Raise ValueError where the order can no longer get there."""
        if self.state in {"sent", "void"}:
            raise ValueError(f"the order is {self.state}")
        self.state = state
        self.save()


class Position(models.Model):
    order = models.ForeignKey(Order, on_delete=models.CASCADE, related_name="positions")
    product = models.ForeignKey(Product, null=True, on_delete=models.SET_NULL)
    pieces = models.PositiveIntegerField(default=1)
    price = models.DecimalField(max_digits=10, decimal_places=2)

    def __str__(self):
        return f"{self.pieces} {self.product}"


class ReturnCase(models.Model):
    order = models.ForeignKey(Order, on_delete=models.CASCADE)
    reason = models.CharField(max_length=200)
    wanted = models.JSONField(default=list)

    def __str__(self):
        return f"Return of {self.order}"


class Voucher(models.Model):
    code = models.CharField(max_length=20, unique=True)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE)
    percent = models.DecimalField(max_digits=4, decimal_places=1)

    def __str__(self):
        return self.code
