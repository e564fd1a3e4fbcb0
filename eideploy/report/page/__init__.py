"""Reports as one HTML page each: no script, no request, light and dark, screen and paper."""
