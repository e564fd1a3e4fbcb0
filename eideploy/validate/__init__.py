"""Runs a network in several ways and compares: frozen results, which `report` renders."""
