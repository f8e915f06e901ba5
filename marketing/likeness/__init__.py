"""Who is like whom: customers as vectors of what they take and how they buy; reads only."""
