"""Find the words of the pages and compile their catalogs: `python -m knowhow.serving.catalogs` (needs babel, a development tool)."""

from __future__ import annotations

import sys
from pathlib import Path

from knowhow.advisor.catalogs import Domain, main

PAGES = Domain(Path(__file__).parent, "pages")

if __name__ == "__main__":
    sys.exit(main(PAGES))
