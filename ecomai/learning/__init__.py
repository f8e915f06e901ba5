"""PyTorch and transformers: estimators that know arrays, and nothing of Django or Celery."""

import os

# Read when the Hugging Face libraries are first imported. Models come from folders and packages;
# who wants a download sets HF_HUB_OFFLINE=0.
os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
os.environ.setdefault("DISABLE_TELEMETRY", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
