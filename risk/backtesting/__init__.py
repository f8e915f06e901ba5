"""The past decided once more: what rules, thresholds or a model would have done, and what that is worth."""
