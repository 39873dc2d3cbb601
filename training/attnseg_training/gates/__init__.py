"""What the gate maps mean, measured."""
