"""Meta-training of φ over many tasks at once (section 3.3)."""
