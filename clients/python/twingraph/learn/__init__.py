"""From labelled histories to a model that tells how wrong it is, on cells that it has never seen.

Needs numpy, pandas and xgboost (`pip install twingraph[learn]`, or Debian's python3-xgboost and
python3-pandas); nothing here needs gRPC. Everything is split by cell: no function takes a split by
row. Results depend on data and seed alone, not on the number of processors.
"""
