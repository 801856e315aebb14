"""A layer's weights as the product of smaller ones."""
