"""From a placement's pipeline to a ranking: candidates, order, rules, and why items stand where they do."""
