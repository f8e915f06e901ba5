"""What goes wrong around the whole: a restore from a backup, a database that goes away, bad input."""
