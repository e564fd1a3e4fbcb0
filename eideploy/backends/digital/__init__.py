"""The digital core: the integer circuit, the program entry of every stage, and the core itself."""

INTEGER, ENTRIES, LISTING = "integer.safetensors", "program.json", "integer.txt"
