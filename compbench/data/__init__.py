"""A dataset's source -> splits, and what identifies them."""
