"""What every dock widget is made of."""
