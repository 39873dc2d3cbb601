"""The paper's tables and figure, and tables of our own."""
