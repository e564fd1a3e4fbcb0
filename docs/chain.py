"""Draw docs/chain.svg, the picture of the README: `python docs/chain.py`."""

from pathlib import Path

WIDTH, HEIGHT = 880, 250
STYLE = """
  .box { fill: #f4f6fa; stroke: #4a6fa5; stroke-width: 1.5 }
  .done { fill: #eef7f0; stroke: #3b8256 }
  .open { fill: #fbf5ea; stroke: #a9772a; stroke-dasharray: 5 4 }
  .edge { stroke: #66707d; stroke-width: 1.5; fill: none }
  .head { fill: #66707d }
  text { font: 14px system-ui, sans-serif; fill: #1f2937; text-anchor: middle }
  .name { font-weight: 600 }
  .small { font-size: 12px; fill: #55606e }
  @media (prefers-color-scheme: dark) {
    .box { fill: #1d2733; stroke: #7fa6de } .done { fill: #1a2b20; stroke: #6fc08d }
    .open { fill: #2e2717; stroke: #d9a955 } .edge { stroke: #9aa5b1 } .head { fill: #9aa5b1 }
    text { fill: #e6eaf0 } .small { fill: #a8b2bf }
  }
"""


def box(x: int, y: int, width: int, lines: tuple[str, ...], kind: str = "") -> str:
    """Return a box with a name and smaller lines below it; x, y: its upper left corner."""
    height = 24 + 18 * len(lines)
    parts = [f'<rect class="box {kind}" x="{x}" y="{y}" width="{width}" height="{height}" rx="8"/>']
    for i, line in enumerate(lines):
        style = "name" if i == 0 else "small"
        at = y + 26 + 18 * i
        parts.append(f'<text class="{style}" x="{x + width // 2}" y="{at}">{line}</text>')
    return "\n".join(parts)


def arrow(x: int, y: int, to_x: int, to_y: int) -> str:
    """Return an arrow from one point to another, level at both ends."""
    middle = (x + to_x - 8) // 2
    line = f"M{x} {y} C{middle} {y} {middle} {to_y} {to_x - 8} {to_y}"
    head = f"M{to_x - 9} {to_y - 5} l9 5 l-9 5 z"
    return f'<path class="edge" d="{line}"/><path class="head" d="{head}"/>'


def picture() -> str:
    """Return the chain from float division to identical spikes, as SVG."""
    parts = [
        box(10, 86, 190, ("PyTorch network", "floats, divides:", "excitation / inhibition")),
        arrow(200, 125, 260, 125),
        box(260, 86, 200, ("Integer program", "division by a table,", "error bound proven")),
        box(540, 10, 330, ("SystemVerilog core", "every spike and cycle identical"), "done"),
        box(540, 96, 330, ("C99 and integer ONNX", "every logit identical"), "done"),
        box(540, 182, 330, ("DYNAP-SE2 chip", "simulated only: no board has run it"), "open"),
        arrow(460, 125, 540, 40),
        arrow(460, 125, 540, 126),
        '<path class="edge" d="M105 164 C105 232 300 212 532 212"/>'
        '<path class="head" d="M531 207 l9 5 l-9 5 z"/>',
    ]
    title = (
        "A PyTorch network that divides becomes an integer program with a table; the core and the "
        "C code give identical results; DYNAP-SE2 is simulated"
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img">\n'
        f"<title>{title}</title>\n<style>{STYLE}</style>\n" + "\n".join(parts) + "\n</svg>\n"
    )


if __name__ == "__main__":
    Path(__file__).with_suffix(".svg").write_text(picture(), "utf-8")
