"""Methods that know the gradient only."""
