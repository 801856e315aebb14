"""Rows and run records: raw samples on disk."""
