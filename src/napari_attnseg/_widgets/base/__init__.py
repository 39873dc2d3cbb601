"""Parts that the dock widgets share."""
