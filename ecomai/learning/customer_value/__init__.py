"""What customers will buy and be worth: from the times and amounts of their purchases so far."""
