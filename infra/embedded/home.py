"""The data folder of one house: everything it keeps, and nothing anywhere else.

    lock  house.json                who runs here now, and what it started
    secrets.json  admin.key         written once, 0600
    postgres/                       the database (for root it may be a link; see postgres_cluster)
    keys/<service>/                 signing keys, 0700
    files/<service>/                what services keep as files, such as bundles, 0700
    logs/                           of every process, 0700
    trust.json                      whom `deedlog verify` believes
    restore-under-way               only while a backup is laid in here, or when that broke off
    demo/

The folder is made 0700; by root 0711, for the database's system user has to pass through it. A folder that was there
keeps the rights it had.
"""

from __future__ import annotations

import hashlib
import json
import os
import pwd
import re
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from infra.embedded.hold import Hold, hold, holder_of
from infra.embedded.system_user import SYSTEM_FOLDER
from shared.kernel.errors import Broken, Conflict, Rejected

ADMIN_KEY_PREFIX: Final = "dla_"
SECRET_BYTES: Final = 32
_ADMIN_KEY: Final = re.compile(r"[!-~]{32,}")
_NEW_SECRETS: Final = "The next start (deedlog up) writes new ones and tells them to the database"


@dataclass(frozen=True, slots=True)
class Secrets:
    """What the house's parts show one another. passwords: of the two roles of each service, by service and role."""

    service_token: str
    passwords: Mapping[str, Mapping[str, str]]

    def with_services(self, services: Iterable[str]) -> Secrets:
        """Return the secrets with fresh passwords for the services that had none."""
        passwords = dict(self.passwords)
        for service in services:
            passwords.setdefault(service, {"door": fresh_secret(), "backbone": fresh_secret()})
        return Secrets(self.service_token, passwords)

    def as_json(self) -> dict[str, Any]:
        """Return the content of secrets.json."""
        passwords = {service: dict(roles) for service, roles in self.passwords.items()}
        return {"format": "deedlog/secrets/v1", "service_token": self.service_token, "passwords": passwords}


@dataclass(frozen=True, slots=True)
class Home:
    """A data folder by its absolute path."""

    path: Path

    @property
    def lock_file(self) -> Path:
        """Held by the house that runs here; names its process."""
        return self.path / "lock"

    @property
    def state_file(self) -> Path:
        """What runs here now."""
        return self.path / "house.json"

    @property
    def secrets_file(self) -> Path:
        """Passwords and the services' token."""
        return self.path / "secrets.json"

    @property
    def admin_key_file(self) -> Path:
        """The operator's key."""
        return self.path / "admin.key"

    @property
    def trust_file(self) -> Path:
        """Whom `deedlog verify` believes."""
        return self.path / "trust.json"

    @property
    def backup_file(self) -> Path:
        """When the last backup was made, and where it went."""
        return self.path / "backup.json"

    @property
    def postgres(self) -> Path:
        """The database's folder."""
        return self.path / "postgres"

    @property
    def keys(self) -> Path:
        """Signing keys, a folder a service."""
        return self.path / "keys"

    @property
    def files(self) -> Path:
        """What services keep as files, a folder a service."""
        return self.path / "files"

    @property
    def logs(self) -> Path:
        """A log a process."""
        return self.path / "logs"

    @property
    def restoring_file(self) -> Path:
        """Names the backup that is being laid in here; still there when that broke off."""
        return self.path / "restore-under-way"

    @property
    def is_made(self) -> bool:
        """Whether a house was ever started here."""
        return self.secrets_file.exists()

    @property
    def holds_anything(self) -> bool:
        """Whether something would be lost if another house took this folder; a database without its secrets, too."""
        return self.is_made or os.path.lexists(self.postgres / "data")

    def make(self, services: Iterable[str]) -> Secrets:
        """Have every folder and secret there, those that are missing made; return the secrets. The caller holds it."""
        make_folder(self.path, for_servers=True)
        make_folder(self.postgres, for_servers=True)
        for folder in (self.keys, self.files, self.logs):
            make_folder(folder)
        for service in services:
            make_folder(self.keys / service)
            make_folder(self.files / service)
        if not self.admin_key_file.exists():
            write_private(self.admin_key_file, f"{ADMIN_KEY_PREFIX}{fresh_secret()}\n")
        known = self.secrets() if self.is_made else Secrets(fresh_secret(), {})
        secrets = known.with_services(services)
        if secrets != known or not self.is_made:
            write_private(self.secrets_file, json.dumps(secrets.as_json(), indent=2) + "\n")
        return secrets

    def secrets(self) -> Secrets:
        """Return what was written once. Raises Broken when the file is gone or is another's."""
        try:
            return _secrets_in(json.loads(self.secrets_file.read_text()))
        except FileNotFoundError:
            raise Broken(f"{self.secrets_file} is gone. {_NEW_SECRETS}") from None
        except (ValueError, KeyError, TypeError, AttributeError):
            raise Broken(f"{self.secrets_file} is not what was written; remove it. {_NEW_SECRETS}") from None

    def admin_key(self) -> str:
        """Return the operator's key. Raises Rejected when none may be read here, Broken for what is none."""
        try:
            key = self.admin_key_file.read_bytes().decode(errors="replace").strip()
        except FileNotFoundError:
            raise Rejected.of(
                "DEEDLOG_HOME", f"there is no admin.key in {self.path}", "Start the house: deedlog up."
            ) from None
        except PermissionError:
            raise Rejected.of(
                "DEEDLOG_HOME", f"{self.admin_key_file} may not be read", "Be its owner, or set DEEDLOG_KEY."
            ) from None
        if not _ADMIN_KEY.fullmatch(key):
            raise Broken(
                f"{self.admin_key_file} is not what was written. Take it from a backup, or remove it and start the "
                "house again: deedlog down, then deedlog up, which writes a new key"
            )
        return key

    def admin_key_digest(self) -> str:
        """Return the SHA-256 of the operator's key in hexadecimal: all that a service is told of it."""
        return hashlib.sha256(self.admin_key().encode()).hexdigest()

    def hold(self) -> Hold:
        """Return the hold on this folder, which is made if it is missing.

        Raises HouseRuns with the holder's number, Conflict when the house here is another user's.
        """
        make_folder(self.path, for_servers=True)
        self.require_ours()
        return hold(self.lock_file)

    def require_ours(self) -> None:
        """Return unless the house here is another user's: what we would leave in it, its owner could not open.

        Raises Conflict naming the owner.
        """
        if self.is_made and (owner := self.secrets_file.stat().st_uid) != os.geteuid():
            raise Conflict(
                f"{self.path} holds a house of user {_name_of(owner)}, and this is {_name_of(os.geteuid())}. "
                "Act as that user, or choose another folder and port: DEEDLOG_HOME, DEEDLOG_PORT."
            )

    def require_whole(self) -> None:
        """Return unless a restore broke off here. Raises Conflict with the command that does it again."""
        if self.restoring_file.exists():
            backup = self.restoring_file.read_text().strip()
            raise Conflict(f"a restore into {self.path} broke off. Do it again: deedlog restore {backup}")

    def holder(self) -> int | None:
        """Return the number of the process that holds this folder now; 0 before it is told, None for nobody."""
        return holder_of(self.lock_file)

    def is_held(self) -> bool:
        """Say whether some process holds this folder now."""
        return self.holder() is not None


def default_home(environment: Mapping[str, str]) -> Home:
    """Return the data folder: DEEDLOG_HOME, or for root a system folder, or one under the user's XDG data folder."""
    if named := environment.get("DEEDLOG_HOME"):
        return Home(Path(named).expanduser().absolute())
    if os.geteuid() == 0:
        return Home(SYSTEM_FOLDER)
    shares = environment.get("XDG_DATA_HOME") or str(Path.home() / ".local" / "share")
    return Home(Path(shares).absolute() / "deedlog")


def fresh_secret() -> str:
    """Return 256 random bits as text that needs no quoting anywhere."""
    return secrets.token_urlsafe(SECRET_BYTES)


def make_folder(folder: Path, *, for_servers: bool = False) -> None:
    """The folder is there: 0700 when made now (0711 if root makes it for a server of another user), else as it was."""
    if folder.is_dir():
        return
    folder.parent.mkdir(parents=True, exist_ok=True)
    mode = 0o711 if for_servers and os.geteuid() == 0 else 0o700
    folder.mkdir(mode)
    folder.chmod(mode)  # whatever the umask took away


def write_private(file: Path, text: str) -> None:
    """The file holds `text` and is 0600; a reader sees the old content or the new, never a part."""
    aside = file.with_name(f".{file.name}.aside")
    aside.unlink(missing_ok=True)
    with os.fdopen(os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as writer:
        writer.write(text)
        writer.flush()
        os.fsync(writer.fileno())
    aside.rename(file)


def _name_of(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def _secrets_in(kept: Any) -> Secrets:
    """Return the secrets of a parsed file. Raises ValueError, KeyError, TypeError or AttributeError."""
    passwords = {
        name: {role: roles[role] for role in ("door", "backbone")} for name, roles in kept["passwords"].items()
    }
    if len(kept["service_token"]) < SECRET_BYTES:
        raise ValueError("the services' token is too short to be one")
    return Secrets(kept["service_token"], passwords)
