"""What the admin's pages of the support bot show."""
