"""The command line, made of the requests: `commands` lists them, `parsing` alone knows cyclopts."""
