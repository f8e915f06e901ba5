"""A shop that overrides Oscar's apps, as `oscar_fork_app` begins it, and has a user model of its own."""
