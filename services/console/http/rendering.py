"""Templates in, replies out: autoescaped, under a policy that lets a page load nothing but our one style sheet."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from shared.runtime.etags import content_etag
from shared.runtime.reply import Header, Reply

TEMPLATES: Final = Path(__file__).parent.parent / "templates"
HTML: Final = "text/html; charset=utf-8"
FILES: Final = {"console.css": "text/css; charset=utf-8", "console.svg": "image/svg+xml"}
"""What a page may load, and as what."""
POLICY: Final = (
    "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
PROTECTION: Final[tuple[Header, ...]] = (
    ("Content-Security-Policy", POLICY),
    # Not no-referrer: a browser under that one sends our own forms with `Origin: null`.
    ("Referrer-Policy", "same-origin"),
    ("X-Frame-Options", "DENY"),
    ("Cross-Origin-Opener-Policy", "same-origin"),
    ("Cross-Origin-Resource-Policy", "same-origin"),
    ("Cache-Control", "no-store"),
)


class Renderer:
    """Renders the templates of this service; they are read once."""

    def __init__(self) -> None:
        self._environment = Environment(
            loader=FileSystemLoader(TEMPLATES),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            auto_reload=False,
        )
        self.files = {name: _file(TEMPLATES / name, media_type) for name, media_type in FILES.items()}

    def page(self, template: str, status: int = 200, **values: Any) -> Reply:
        """Return the page that `template` makes of these values."""
        text = self._environment.get_template(template).render(**values)
        return Reply(status, text.encode(), HTML, PROTECTION)


def _file(path: Path, media_type: str) -> Reply:
    """Return the reply that is the file, to be asked for again after an hour."""
    content = path.read_bytes()
    headers = {"ETag": content_etag(content), "Cache-Control": "public, max-age=3600"}
    return Reply.raw(content, media_type, headers=headers)


def to(path: str, *headers: Header) -> Reply:
    """Return the reply that leads on to another page, by GET (RFC 9110 §15.4.4)."""
    return Reply(303, b"", "", (("Location", path), *PROTECTION, *headers))
