"""What a profile is computed from, a module for each source; reads only."""
