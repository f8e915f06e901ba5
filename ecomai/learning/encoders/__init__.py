"""Text encoders: pretrained ones, and a second default that learns from the shop's own text."""
