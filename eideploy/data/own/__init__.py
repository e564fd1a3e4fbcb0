"""The user's own data: arrays, idx files, folders of images and of recordings, as one data set."""

from eideploy.data.own.read import ReadAs, read_own

__all__ = ["ReadAs", "read_own"]
