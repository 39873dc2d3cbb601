"""Tables and figure of the paper, and further tables."""
