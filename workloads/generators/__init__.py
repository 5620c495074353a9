"""Made-up programs, one phenomenon in each file: its generator `WORKLOAD`, and how that is fitted to a recording."""
