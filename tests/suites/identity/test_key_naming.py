"""Which key a credential that opens nothing was meant to be: asked of the real database."""

from __future__ import annotations

import pytest

from deedlog.identity.v1 import identity_pb2
from shared.kernel.errors import Unauthenticated
from shared.runtime.grpc import kernel_errors
from tests.suites.identity.house import IdentityHouse

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def named(house: IdentityHouse, secret: str, key_id: str = "") -> identity_pb2.NameKeyResponse:
    with kernel_errors("identity"):
        return await house.rpc.NameKey(identity_pb2.NameKeyRequest(secret=secret, key_id=key_id))


async def test_a_revoked_key_is_named_by_its_secret_with_its_organisation(house: IdentityHouse) -> None:
    organisation = await house.organisation()
    key = await house.key(organisation, is_test=True)
    await house.admin.delete(f"/v1/api-keys/{key['id']}")
    with pytest.raises(Unauthenticated):
        await house.authenticate(key["secret"])
    found = await named(house, key["secret"])
    assert (found.key, found.organisation, found.is_test, found.is_secret_right) == (
        key["id"],
        organisation,
        True,
        True,
    )


async def test_a_key_id_with_a_wrong_secret_names_that_key_and_says_that_the_secret_is_wrong(
    house: IdentityHouse,
) -> None:
    organisation = await house.organisation()
    key, other = await house.key(organisation), await house.key(await house.organisation())
    for secret in ("dlk_nobody", other["secret"]):
        found = await named(house, secret, key["id"])
        assert (found.key, found.organisation, found.is_secret_right) == (key["id"], organisation, False)


@pytest.mark.parametrize(
    ("secret", "key_id"),
    [("dlk_nobody", ""), ("dlk_nobody", "key_nobody"), ("", ""), ("x" * 5000, ""), ("dlk_nobody", "\0")],
)
async def test_what_is_no_key_that_was_ever_made_names_none(house: IdentityHouse, secret: str, key_id: str) -> None:
    assert await named(house, secret, key_id) == identity_pb2.NameKeyResponse()
