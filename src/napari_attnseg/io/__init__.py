"""Reading images; reading and writing results."""
