"""Renders what is said of runs, builds and chips: typed sections in; text, HTML and SVG out."""
