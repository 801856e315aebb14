"""A run's summaries -> a page in markdown with its pictures."""
