"""Imported before numpy and torch, so that this process computes as those do that tests start."""

from eideploy.portable import pin

pin()
