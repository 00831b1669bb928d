"""The command line: ``gradproof derive | verify | generate | tour``."""

from __future__ import annotations

from gradproof.cli.main import main as main
