"""What each job is asked for, one file each: light modules, for the command line imports them."""
