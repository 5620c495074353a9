"""One optimizer loop per module, each with its `WORKLOAD`; plain functions, and no compiler is imported."""
