"""The shop's own marketing as a top-level module."""

from django.db import models


class Newsletter(models.Model):
    subject = models.CharField(max_length=100)

    def __str__(self):
        return self.subject
