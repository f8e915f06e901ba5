"""Histories from files: CSV, gzipped CSV and Parquet, streamed through declarative mappings."""
