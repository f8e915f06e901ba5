"""Quality and speed, as `manage.py ecomai_benchmark` prints them; one module a benchmark."""
