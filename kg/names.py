"""Names that people mistype: which of the known ones did they mean?"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def nearest(name: str, known: Iterable[str], limit: int = 5) -> list[str]:
    """Up to ``limit`` known names that ``name`` may have meant, the likeliest first.

    Names that contain what was typed come first (``h20`` → ``nvidia-h20``), then those spelt
    alike.
    """
    candidates = list(known)
    wanted = name.lower()
    containing = sorted((c for c in candidates if wanted and wanted in c.lower()), key=len)
    alike = difflib.get_close_matches(wanted, candidates, n=limit, cutoff=0.6)
    return list(dict.fromkeys(containing[:limit] + alike))[:limit]
