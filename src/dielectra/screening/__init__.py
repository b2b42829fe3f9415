"""Screening: properties of any number of crystals, by a job for each piece of the pool, as Parquet shards.

The pool is cut into pieces that a worker reads on its own, so that no process ever has more than one piece in memory.
"""
