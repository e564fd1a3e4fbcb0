"""C: the integer program as one source file and its header, for microcontrollers."""

INTEGER, LISTING = "integer.safetensors", "integer.txt"  # of a build for a microcontroller

FOLDER = "c"  # of a build
SOURCE, HEADER, WATCH = "net.c", "net.h", "watch.c"
SELF_TEST, VECTORS, VECTORS_HEADER = "main.c", "test_vectors.c", "test_vectors.h"
ARDUINO = "arduino"  # of a build
BUILDING, README = ("Makefile", "CMakeLists.txt"), "README.md"
