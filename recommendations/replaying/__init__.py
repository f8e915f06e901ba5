"""Back-tests: past answers given anew by another configuration, with nothing known that came later."""
