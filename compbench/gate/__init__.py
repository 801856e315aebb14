"""A candidate beside the baseline that is shipped: verdicts, for pytest."""
