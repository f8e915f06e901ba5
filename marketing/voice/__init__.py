"""What is found in texts of customers: sentences, aspects, topics, changes. Pure functions, no rows."""
