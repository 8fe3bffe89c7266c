"""Hostile and clumsy submissions, graded by the real engine on a small assignment: three loss questions, 20 points."""
