"""Boards to open."""

from types import SimpleNamespace

from samna.dynapse2 import Board

SERIALS = ("1911000P6X", "2042000UO5")


def get_unopened_devices():
    return [SimpleNamespace(serial_number=serial) for serial in SERIALS]


def open_device(info):
    return Board(info.serial_number)
