"""Kafka's jars and the Java that runs them: gathered once by Maven into lib/, which git ignores.

Beside the jars lies an archive of loaded classes (class data sharing), made by one throw-away start: it takes the
start of a broker from three seconds to little more than one on two shared cores.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
from pathlib import Path
from typing import Final

from infra.embedded.process import LaunchFailed, run

HERE: Final = Path(__file__).parent
JARS: Final = HERE / "lib"
ARCHIVE: Final = JARS / "classes.jsa"
JAVA_MAJOR_MIN: Final = 17
_POM: Final = HERE / "pom.xml"
_GATHERED_FOR: Final = JARS / "pom.sha256"
_ASIDE: Final = HERE / "target" / "lib"
MAVEN_SECONDS_MAX: Final = 600.0


def are_gathered() -> bool:
    """Say whether lib/ holds the jars that pom.xml asks for today."""
    return _GATHERED_FOR.exists() and _GATHERED_FOR.read_text() == _digest_of_pom()


async def gather() -> None:
    """lib/ holds the jars that pom.xml asks for; nothing is done if it does already.

    Raises LaunchFailed when Maven or Java are missing, too old, or fail; the message says which.
    """
    if are_gathered():
        return
    await _require_java()
    maven = shutil.which("mvn")
    if maven is None:
        raise LaunchFailed("Maven (mvn) is needed once to gather Kafka's jars, and is not installed")
    shutil.rmtree(_ASIDE, ignore_errors=True)
    goal = ["dependency:copy-dependencies", f"-DoutputDirectory={_ASIDE}"]
    # Maven sees the caller's environment: mirrors and proxies are set there.
    command = [maven, "--quiet", "--batch-mode", "--no-transfer-progress", f"--file={_POM}", *goal]
    await run(command, seconds_max=MAVEN_SECONDS_MAX, environment=os.environ)
    (_ASIDE / _GATHERED_FOR.name).write_text(_digest_of_pom())
    shutil.rmtree(JARS, ignore_errors=True)
    _ASIDE.rename(JARS)


def java() -> str:
    """Return the java that JAVA_HOME names, else the one on the path. Raises LaunchFailed when there is none."""
    home = os.environ.get("JAVA_HOME")
    found = shutil.which("java", path=f"{home}/bin") if home else shutil.which("java")
    if found is None:
        raise LaunchFailed(
            f"Java {JAVA_MAJOR_MIN} or newer is needed, and no java is {f'in {home}' if home else 'here'}"
        )
    return found


def class_path() -> str:
    """Return the jars in a fixed order, which the archive depends on. Raises LaunchFailed when they are missing."""
    if not are_gathered():
        raise LaunchFailed("Apache Kafka's jars were not gathered, or for an older pom.xml; run `make kafka` once")
    return os.pathsep.join(str(jar) for jar in sorted(JARS.glob("*.jar")))


async def _require_java() -> None:
    said = await run([java(), "-version"], seconds_max=30)
    version = re.search(r'version "(\d+)', said)
    if version is None or int(version.group(1)) < JAVA_MAJOR_MIN:
        raise LaunchFailed(f"Java {JAVA_MAJOR_MIN} or newer is needed; {java()} says: {said.strip()}")


def _digest_of_pom() -> str:
    return hashlib.sha256(_POM.read_bytes()).hexdigest()
