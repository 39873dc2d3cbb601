"""The networks: encoders, gates, fusion, decoder, and their catalog."""
