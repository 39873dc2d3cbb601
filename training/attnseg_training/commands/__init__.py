"""Commands of ``attnseg-train``, by subject; `cli` puts them together."""
