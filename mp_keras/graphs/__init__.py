"""Graphs of layers: reading, copying and searching them."""
