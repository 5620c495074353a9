"""Every figure that README and docs state, measured again: `python -m benchmarks.NAME [--json] [--quick]`."""
