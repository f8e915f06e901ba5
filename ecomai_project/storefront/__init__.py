"""The demo host shop's own pages: what a customer sees, with the plugin embedded the way any shop would."""
