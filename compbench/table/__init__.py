"""The tidy table of a run."""
