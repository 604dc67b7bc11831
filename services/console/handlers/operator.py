"""The operator's page: every service, and what could not be used."""

from __future__ import annotations

from services.console.domain.operator_page import OperatorPage, operator_page
from services.console.handlers.api import PublicApi, together


class OperatorPages:
    """The use case."""

    def __init__(self, api: PublicApi) -> None:
        self._api = api

    async def page(self, credential: str) -> OperatorPage:
        """Return the page. Raises as /v1/services does: Unauthenticated, Forbidden, Unavailable."""
        services, letters = await together(
            self._api.get("/v1/services", credential), self._api.get("/v1/dead-letters?limit=100", credential)
        )
        return operator_page(services, letters)
