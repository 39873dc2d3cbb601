"""Read images; read and write results and explanations."""
