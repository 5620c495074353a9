"""Search without gradients, and by models of the objective."""
