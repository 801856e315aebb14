"""The measuring protocol: artifacts -> rows."""
