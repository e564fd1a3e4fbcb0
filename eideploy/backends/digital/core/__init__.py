"""The parts of the digital core's state-machine model: memories, scanner, a file a phase."""
