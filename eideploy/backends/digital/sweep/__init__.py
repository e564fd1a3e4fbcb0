"""Programs of many number formats, divisions and forms side by side."""
