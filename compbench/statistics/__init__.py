"""Rows -> summaries, and what follows from them; pure."""
