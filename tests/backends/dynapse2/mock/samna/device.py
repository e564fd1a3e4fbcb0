"""Boards to open."""

from types import SimpleNamespace

from samna.dynapse2 import Board

SERIALS = ("1911000P6X", "2042000UO5")


def get_unopened_devices():
    speck = SimpleNamespace(serial_number="X", device_type_name="Speck2fDevKit")
    boards = [
        SimpleNamespace(serial_number=serial, device_type_name="Dynapse2Stack")
        for serial in SERIALS
    ]
    return [speck, *boards]


def open_device(info):
    assert info.device_type_name == "Dynapse2Stack"
    return Board(info.serial_number)
