"""Train one network."""
