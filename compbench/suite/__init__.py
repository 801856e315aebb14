"""A suite file -> Suite -> jobs with keys."""
