"""The jobs of the digital core, from compiling to the report."""
