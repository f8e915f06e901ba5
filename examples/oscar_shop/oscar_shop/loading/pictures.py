"""Pictures that lie beside an export, as Oscar's thumbnails need them: drawn ones become PNG."""

from pathlib import Path
from urllib.parse import unquote, urlsplit

SIDE = 400
RASTER = (".png", ".jpg", ".jpeg", ".webp")


def find_picture(folder: Path, url: str) -> tuple[str, bytes] | None:
    """Return suffix and content of the file in `images/` that the address names, if there is one."""
    name = Path(unquote(urlsplit(url).path)).name
    path = folder / "images" / name
    if not name or not path.is_file():
        return None
    suffix = path.suffix.lower()
    if suffix == ".svg":
        return ".png", _drawn(path)
    return (suffix, path.read_bytes()) if suffix in RASTER else None


def _drawn(path: Path) -> bytes:
    import resvg_py

    return bytes(
        resvg_py.svg_to_bytes(
            svg_string=path.read_text(encoding="utf-8"), width=SIDE, height=SIDE, skip_system_fonts=True
        )
    )
