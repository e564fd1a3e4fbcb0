"""The jobs that the command line offers, one file each: read these first."""
