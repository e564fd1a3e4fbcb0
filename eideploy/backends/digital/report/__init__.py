"""What is said of a program: the pages, tables and advice of a build for a digital target."""
