"""The benchmarks of marketing, a module for each name."""
