"""Evidence at the edge: exports, challenges, witnesses, statements, explanations."""
