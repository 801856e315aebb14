"""A job -> its artifact, kept in the store."""
