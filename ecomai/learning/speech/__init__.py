"""Speech to text: recognisers, and language models of what a shop's customers say."""
