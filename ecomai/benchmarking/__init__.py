"""What benchmarks of speed share: a database of their own, one measured web process, many callers."""
