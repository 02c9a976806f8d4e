"""Tables and figures of both papers, one file each.

Those of Meta Dropout are the files `few_shot_...`.
"""
