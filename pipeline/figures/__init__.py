"""Drawings of the paper's figures 4 to 10: plain data in, a figure out.

One file per figure, each with one function `draw`; `saving.save` writes PNG and
SVG. Nothing here computes results or reads runs.
"""
