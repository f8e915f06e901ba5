"""Services for a machine that has none: PostgreSQL and Redis by socket, and who looks after them."""
