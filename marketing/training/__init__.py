"""Models of marketing: from orders to a judged candidate, a module for each model; in a worker."""
