"""Recipes, the training loop and evaluation."""
