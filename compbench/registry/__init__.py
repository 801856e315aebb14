"""Names and import paths -> plugin classes, and the digest of the code that a result depends on."""
