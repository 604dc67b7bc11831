"""The pages: the first one, a profile, the operator's; signing in and out; and what is shown when all is not well.

Signing in puts whatever secret was typed into a cookie, without a second proof: for embedded mode only, and the page
says so. Elsewhere there is no form and nothing to post it to.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final
from urllib.parse import parse_qsl, quote, urlsplit

from services.console.domain.problems import meaning_of
from services.console.handlers.operator import OperatorPages
from services.console.handlers.profile import ProfilePages
from services.console.handlers.sign_in import SignIn
from services.console.http.cookie import credential_of, forgetting, keeping, required_credential
from services.console.http.rendering import Renderer, to
from shared.kernel.errors import DeedlogError, Forbidden, NotFound, Rejected, Unauthenticated, Unavailable
from shared.runtime.call import Call
from shared.runtime.etags import is_unchanged
from shared.runtime.http import Endpoint, endpoint
from shared.runtime.problem import status_of
from shared.runtime.reply import Reply

FORM_BYTES_MAX: Final = 4 << 10
FORM: Final = frozenset({"application/x-www-form-urlencoded"})
NOBODYS: Final = "Nobody issued this secret, or it has expired."
_TITLES: Final[tuple[tuple[type[DeedlogError], str], ...]] = (
    (Forbidden, "Not for you to see"),
    (NotFound, "There is no such page"),
    (Unavailable, "Not possible at the moment"),
    (Rejected, "That did not work"),
    (DeedlogError, "Something of ours is broken"),
)
Page = Callable[[Call], Awaitable[Reply]]


class Console:
    """The endpoints. origin: the one public origin; is_embedded: whether the development sign-in is there."""

    def __init__(
        self,
        profiles: ProfilePages,
        operator: OperatorPages,
        sign_in: SignIn,
        renderer: Renderer,
        *,
        origin: str,
        is_embedded: bool,
    ) -> None:
        self._profiles = profiles
        self._operator = operator
        self._sign_in = sign_in
        self._renderer = renderer
        self._origin = origin
        self._is_embedded = is_embedded

    def endpoints(self) -> list[Endpoint]:
        """Return the operations. None asks for an Authorization header: the credential comes in the cookie."""
        operations = [
            ("GET", "/", self.first),
            ("GET", "/people", self.chosen),
            ("GET", "/people/{id}", self.profile),
            ("GET", "/operator", self.operator),
            ("GET", "/docs/problems/{code}", self.problem),
            ("POST", "/sign-out", self.sign_out),
        ]
        if self._is_embedded:
            operations.append(("POST", "/sign-in", self.sign_in))
        pages = [endpoint(method, path, self._shown(page), scopes=None) for method, path, page in operations]
        return [
            *pages,
            endpoint("GET", "/console.css", self.style, scopes=None),
            endpoint("GET", "/console.svg", self.icon, scopes=None),
        ]

    # Pages

    async def first(self, call: Call) -> Reply:
        """Show what this is, and how to come in."""
        return self._first(call)

    async def chosen(self, call: Call) -> Reply:
        """Lead on to the profile of the person who was typed in."""
        person = call.query.get("id", "").strip()
        return to(f"/people/{quote(person, safe='')}" if person else "/")

    async def profile(self, call: Call) -> Reply:
        """Show a profile."""
        shown = await self._profiles.page(call.path["id"], required_credential(call.headers))
        return self._renderer.page("profile.html", is_signed_in=True, here="profile", page=shown.profile, own=shown.own)

    async def operator(self, call: Call) -> Reply:
        """Show the house."""
        page = await self._operator.page(required_credential(call.headers))
        return self._renderer.page("operator.html", is_signed_in=True, here="operator", page=page)

    async def problem(self, call: Call) -> Reply:
        """Say what a code of problem details means."""
        title, detail = meaning_of(call.path["code"])
        is_signed_in = credential_of(call.headers) is not None
        return self._renderer.page("trouble.html", is_signed_in=is_signed_in, here="", title=title, detail=detail)

    async def sign_in(self, call: Call) -> Reply:
        """Keep the secret in the visitor's cookie and lead on to what it opens."""
        check_same_site(call)
        call.media_type(FORM)
        fields = dict(parse_qsl((await call.body_bytes(FORM_BYTES_MAX)).decode("utf-8", "replace")))
        secret = fields.get("secret", "").strip()
        try:
            path = await self._sign_in.first_page(secret)
        except Rejected as error:
            return self._first(call, 401, NOBODYS if isinstance(error, Unauthenticated) else error.message)
        return to(path, keeping(secret, self._origin))

    async def sign_out(self, call: Call) -> Reply:
        """Have the browser forget the secret."""
        check_same_site(call)
        return to("/", forgetting(self._origin))

    async def style(self, call: Call) -> Reply:
        """Answer the style sheet."""
        return self._file(call, "console.css")

    async def icon(self, call: Call) -> Reply:
        """Answer the icon."""
        return self._file(call, "console.svg")

    def _file(self, call: Call, name: str) -> Reply:
        reply = self._renderer.files[name]
        etag = dict(reply.headers)["ETag"]
        return Reply.empty(304, {"ETag": etag}) if is_unchanged(call.headers, etag) else reply

    # What is shown when something is not well

    def _shown(self, page: Page) -> Page:
        """Return the page such that errors are shown as pages too."""

        async def shown(call: Call) -> Reply:
            try:
                return await page(call)
            except Unauthenticated:
                is_over = credential_of(call.headers) is not None
                refused = "Your sign-in has ended. Sign in again." if is_over else "Sign in to see this page."
                return self._first(call, 401, refused).with_headers(forgetting(self._origin))
            except DeedlogError as error:
                return self._trouble(call, error)

        return shown

    def _first(self, call: Call, status: int = 200, refused: str = "") -> Reply:
        is_signed_in = credential_of(call.headers) is not None and status == 200
        return self._renderer.page(
            "first.html",
            status,
            is_signed_in=is_signed_in,
            here="first",
            is_embedded=self._is_embedded,
            refused=refused,
        )

    def _trouble(self, call: Call, error: DeedlogError) -> Reply:
        is_told = isinstance(error, Rejected | Unavailable)
        title = next(title for family, title in _TITLES if isinstance(error, family))
        reply = self._renderer.page(
            "trouble.html",
            status_of(error),
            is_signed_in=credential_of(call.headers) is not None,
            here="",
            title=title,
            detail=error.message if is_told else "We have noted it. Try again in a while.",
        )
        if isinstance(error, Unavailable):
            return reply.with_headers(("Retry-After", str(max(1, round(error.retry_after_seconds)))))
        return reply


def check_same_site(call: Call) -> None:
    """Raise Forbidden for a form that another site has sent: browsers say where a form comes from."""
    origin = call.headers.get("origin")
    is_foreign = origin is not None and urlsplit(origin).netloc != call.headers.get("host")
    if is_foreign or call.headers.get("sec-fetch-site", "same-origin") not in {"same-origin", "none"}:
        raise Forbidden("This form was sent by another site.")
