"""Train E-I networks of DPI neurons within a mixed-signal chip's limits."""

from eideploy.portable import pin

pin()  # torch is loaded by the modules below
