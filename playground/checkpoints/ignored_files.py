"""Ignored files: those that operating systems and other programs leave beside a model."""

from __future__ import annotations

import re

_OF_SYSTEMS = re.compile(
    r"__MACOSX|\._.*|\.DS_Store|\.AppleDouble|\.LSOverride|Icon\r?|\.fseventsd"
    r"|\.Spotlight-V100|\.Trashes|\.Trash-[0-9]+|\$RECYCLE\.BIN|System Volume Information"
    r"|(eh)?thumbs\.db|desktop\.ini|\.directory|\.git|\.gitattributes|\.gitignore"
    r"|\.ipynb_checkpoints|__pycache__|\.cache",
    re.IGNORECASE,
)
_BESIDE_MODELS = re.compile(
    r"(LICEN[CS]E|NOTICE|COPYING)(\.md|\.txt)?"
    r"|(tokenizer_config|generation_config|special_tokens_map|added_tokens)\.json",
    re.IGNORECASE,
)


def is_ignored_file(path: str) -> bool:
    """Whether a file is no part of any model, by its path with forward slashes."""
    *_, name = parts = path.split("/")
    return any(_OF_SYSTEMS.fullmatch(part) for part in parts) or bool(
        _BESIDE_MODELS.fullmatch(name)
    )
