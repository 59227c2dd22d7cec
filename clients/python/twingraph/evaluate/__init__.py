"""How accurate predictors are on cells that they were not trained on: python3 -m twingraph.evaluate DIR."""
