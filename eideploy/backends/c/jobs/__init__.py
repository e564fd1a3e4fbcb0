"""The jobs of microcontrollers that those of the digital core do not do for them."""
