"""What choosing and learning share: columns of an advertisement that is shown, and the pacing of budgets."""
