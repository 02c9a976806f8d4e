"""What runs on Apache Beam, in an environment of its own.

See requirements/beam.txt; nothing here is imported unless it is asked for.
"""
