"""Many runs of one suite."""
