"""One explanation per module: its function and its `Explainer`."""
