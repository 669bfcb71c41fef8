"""Figures as geometry: where each line and each label goes. Pure; templates draw them."""
