"""What a folder of embedded services holds: which shop, in which language and currency, and what was done."""

import json
import os
from dataclasses import asdict, dataclass, field
from pathlib import Path

LANGUAGE_CODES = {"en": "en", "zh": "zh-hans"}


@dataclass
class Shop:
    """Kept as `shop.json` in the folder; settings read it, the demo command writes it."""

    path: Path
    language: str = "en"
    currency: str = "EUR"
    source: str = ""
    is_imported: bool = False
    seeded: list[str] = field(default_factory=list)
    secret_key: str = ""

    @classmethod
    def load(cls, folder: Path) -> "Shop":
        path = folder / "shop.json"
        values = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
        return cls(path, **values)

    @property
    def is_generated(self) -> bool:
        """Whether all its customers are invented ones."""
        return self.source.startswith("demo:")

    def save(self) -> None:
        """Write it so that only its owner reads the key in it, and a reader never sees half of it."""
        values = asdict(self)
        del values["path"]
        aside = self.path.with_suffix(".new")
        aside.touch(mode=0o600)
        aside.write_text(json.dumps(values, ensure_ascii=False, indent=2), encoding="utf-8")
        os.replace(aside, self.path)

    @property
    def language_code(self) -> str:
        return LANGUAGE_CODES[self.language]
