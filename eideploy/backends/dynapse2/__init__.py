"""A mapped network as files: the patch, the loader, tables, the template merge."""
