"""φ: the function, its layer, placing, annealing, saving (section 3.2)."""
