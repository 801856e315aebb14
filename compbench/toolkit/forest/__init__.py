"""Ensembles of decision trees: options, what they learn, scikit-learn's models, their files."""
