"""How far variants and their teachers are apart on data that came after they were made."""
