"""Promoted models answering in a web process: ONNX Runtime, hot swap, time budget, fallback."""
