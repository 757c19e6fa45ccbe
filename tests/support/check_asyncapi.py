"""Check schemas/ with AsyncAPI's parser, the JSON Schema of AsyncAPI 3.0, and ajv.

They are installed from npm, once, into a folder of the virtual environment. Where there is no node or no npm, or where
nothing can be installed, that is said in one line and nothing is judged.
"""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

from jsonschema import Draft7Validator

ROOT: Final = Path(__file__).parents[2]
DOCUMENT: Final = "schemas/asyncapi.json"
GOLDEN: Final = "tests/golden/v1"
PACKAGES: Final = ("@asyncapi/parser@3.6.6", "ajv@8.20.0", "ajv-formats@2.1.1")
SCHEMA: Final = "node_modules/@asyncapi/specs/schemas/3.0.0-without-$id.json"
_INSTALL_S: Final = 60
_PARSE_S: Final = 120


def skipped(why: str) -> int:
    sys.stdout.write(f"asyncapi: skipped, {why}\n")
    return 0


def installed(npm: str, folder: Path) -> str | None:
    """Install the parser and return None, or return why that is not possible here."""
    if (folder / SCHEMA).is_file():
        return None
    folder.mkdir(parents=True, exist_ok=True)
    # by itself npm waits five minutes for a registry that does not answer
    patience = ("--fetch-retries=1", "--fetch-timeout=20000")
    options = ("--no-audit", "--no-fund", "--no-package-lock", "--ignore-scripts", *patience)
    command = [npm, "install", "--prefix", str(folder), *options, "--loglevel=error", *PACKAGES]
    try:
        ended = subprocess.run(command, capture_output=True, text=True, timeout=_INSTALL_S, check=False)
    except subprocess.TimeoutExpired:
        return f"npm took longer than {_INSTALL_S} s to install {', '.join(PACKAGES)}"
    if ended.returncode:
        output = ended.stderr.strip().splitlines() or ["without a word"]
        return f"npm could not install {', '.join(PACKAGES)}: {output[0]}"
    return None


def mistakes(schema: Path) -> int:
    """Print the violations of AsyncAPI's JSON Schema; return their number."""
    document = json.loads((ROOT / DOCUMENT).read_bytes())
    found = list(Draft7Validator(json.loads(schema.read_bytes())).iter_errors(document))
    for error in found:
        sys.stdout.write(f"{DOCUMENT}: {error.json_path}: {error.message[:200]}\n")
    sys.stdout.write(f"{DOCUMENT}: the JSON Schema of AsyncAPI 3.0 finds {len(found)} things wrong\n")
    sys.stdout.flush()
    return len(found)


def main(folder: Path) -> int:
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        return skipped("there is no node with npm here")
    if (why := installed(npm, folder)) is not None:
        return skipped(why)
    programs = (("parse_asyncapi.cjs", DOCUMENT), ("validate_golden.cjs", "schemas", GOLDEN))
    wrong = mistakes(folder / SCHEMA)
    for name, *arguments in programs:
        command = [node, str(Path(__file__).with_name(name)), str(folder), *arguments]
        wrong += subprocess.run(command, cwd=ROOT, timeout=_PARSE_S, check=False).returncode
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
