"""The shop's own marketing, which ecomai's scenario of that name must live beside."""

from django.db import models


class Campaign(models.Model):
    title = models.CharField(max_length=100)

    def __str__(self):
        return self.title
