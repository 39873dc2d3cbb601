"""The commands of ``attnseg`` that process many images."""
