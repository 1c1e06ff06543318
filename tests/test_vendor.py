"""What others wrote stands in static/vendor unchanged: its MANIFEST lists every file, hash and licence."""

import base64
import hashlib
from pathlib import Path

VENDOR = Path(__file__).parent.parent / "static/vendor"


def line_for(file: Path) -> str:
    digest = base64.b64encode(hashlib.sha384(file.read_bytes()).digest()).decode()
    return f"{file.relative_to(VENDOR)} sha384-{digest}"


def manifest() -> list[list[str]]:
    lines = (VENDOR / "MANIFEST").read_text().splitlines()
    return [line.split() for line in lines if line and not line.startswith("#")]


def test_every_file_is_listed_unchanged() -> None:
    listed = {f"{file} {digest}" for _name, _version, _licence, file, digest in manifest()}
    present = {line_for(file) for file in VENDOR.rglob("*") if file.is_file() and file.name != "MANIFEST"}
    assert listed == present


def test_every_package_brings_its_licence() -> None:
    folders = {Path(file).parts[0] for _name, _version, _licence, file, _digest in manifest()}
    assert [folder for folder in folders if not (VENDOR / folder / "LICENSE").is_file()] == []
