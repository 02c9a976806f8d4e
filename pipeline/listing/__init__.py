"""Which images a source has, told from names alone: no TensorFlow here.

So that what is wrong with a folder is said within a second or two.
"""
