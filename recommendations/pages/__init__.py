"""What pages show, read for people: contexts of the admin's pages and of the shop's search."""
