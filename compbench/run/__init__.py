"""The loop with side effects: make what is missing, measure, write rows."""
