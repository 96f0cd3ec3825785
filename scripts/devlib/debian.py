# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Odoo from Debian's packages, unpacked privately: no root, nothing installed.

What a version of Odoo is made of is an ``Edition``; the one of Odoo 19 is here.

Where it is fetched from is read from the machine's own apt configuration; its signature is
checked with Debian's archive keyring.
"""

import os
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from . import paths
from .console import Problem, Progress, say
from .system import guarded, install_packages, plain_environment, run_quietly

KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")

# The versions that were tried together. The suite moves on: newer ones are used, with a notice.
# The packages after the first hold files that Odoo's package has only links to.
TRIED_VERSIONS = {
    "odoo-19": "19.0.0+dfsg-1",
    "fonts-font-awesome": "7.3.0+dfsg-1",
    "fonts-inconsolata": "3.001+ds-1",
    "fonts-montserrat": "9.000-6",
    "fonts-ocr-b": "0.3.1~dfsg-2",
    "fonts-roboto-unhinted": "2:3.016-1",
    "libjs-jquery": "3.7.1+dfsg+~3.5.33-1",
    "libjs-jquery-form": "12-4",
    "libjs-underscore": "1.13.8~dfsg+~1.13.0-1",
}

# Files of Odoo's package that are links to a layout its fonts no longer have, and the file in
# the prefix that serves instead. A browser looks at a font's content, not at its suffix.
_WEB = "usr/lib/python3/dist-packages/odoo/addons/web/static"
_ICONS = f"{_WEB}/src/libs/fontawesome/fonts/fontawesome-webfont"
RELINKED = {
    f"{_ICONS}.ttf": f"{_ICONS}.woff",
    f"{_WEB}/lib/fontawesome/fonts/FontAwesome.otf": f"{_ICONS}.woff",
    f"{_WEB}/lib/fontawesome/fonts/fontawesome-webfont.eot": f"{_ICONS}.woff",
    f"{_WEB}/lib/fontawesome/fonts/fontawesome-webfont.ttf": f"{_ICONS}.woff",
    f"{_WEB}/lib/fontawesome/fonts/fontawesome-webfont.woff": f"{_ICONS}.woff",
    f"{_WEB}/lib/fontawesome/fonts/fontawesome-webfont.woff2": f"{_ICONS}.woff2",
    (
        "usr/lib/python3/dist-packages/odoo/addons/point_of_sale/static/src/fonts/Inconsolata.otf"
    ): "usr/share/fonts/opentype/inconsolata/Inconsolata-Regular.otf",
}

# The web client's bundle names this file, the package leaves it out (it is not free software);
# without it the console shows an error and every browser tour fails.
LEFT_OUT = (
    "usr/lib/python3/dist-packages/odoo/addons/mail/static/lib/selfie_segmentation"
    "/selfie_segmentation.js",
)

_OTHER_WAY = (
    "Or set ODOO_HOME to an Odoo 19 you already have: a checkout, or the folder that holds the"
    " 'odoo' package."
)


@dataclass(frozen=True)
class Edition:
    """A version of Odoo as Debian packs it.

    :ivar title: its name for people
    :ivar folder: where it is kept, below the state folder
    :ivar suite: the release of Debian that has it
    :ivar packages: ``{package: version}``, Odoo's own first; the versions were tried together, None
        where the release does not change any more
    :ivar mend: gives the unpacked folder what the packages only link to or leave out
    :ivar other_way: what can be done where it cannot be fetched
    """

    title: str
    folder: str
    suite: str
    packages: dict
    mend: Callable
    other_way: str

    @property
    def odoo_package(self):
        """Return the package that is Odoo."""
        return next(iter(self.packages))


def unpacked_prefix(edition):
    """Return the folder Odoo's package was unpacked to, or None when there is none yet."""
    # a folder gets its final name only when everything is in it
    found = sorted(
        (paths.state_dir() / edition.folder).glob("[0-9]*"), key=lambda path: path.stat().st_mtime
    )
    return found[-1] if found else None


def package_folder(prefix):
    """Return the folder inside a prefix that holds the ``odoo`` package."""
    return prefix / "usr/lib/python3/dist-packages"


def fetch(edition):
    """Fetch Odoo's package and those it needs, unpack them, return the prefix.

    Interrupted at any time, the next run goes on with what is there: apt resumes a download,
    an unfinished unpacking is thrown away.
    """
    _check_tools(edition)
    folder = paths.state_dir() / edition.folder
    folder.mkdir(exist_ok=True)
    for unfinished in folder.glob(".unpack-*"):
        shutil.rmtree(unfinished, ignore_errors=True)
    apt = _Apt(folder / "apt", edition)
    files = apt.download(list(edition.packages))
    _note_other_versions(files, edition)
    prefix = _unpack(files, folder, edition)
    shutil.rmtree(folder / "apt", ignore_errors=True)
    return prefix


def _check_tools(edition):
    """Make sure that apt, dpkg and Debian's keyring are there."""
    if not shutil.which("apt-get") or not shutil.which("dpkg-deb"):
        raise Problem(
            f"{edition.title} is fetched as Debian's package, with apt-get and dpkg-deb, and this"
            f" machine has no such tools.\n{edition.other_way}"
        )
    if not KEYRING.exists():
        install_packages(
            ["debian-archive-keyring"],
            "Debian's signatures cannot be checked without its keyring",
            edition.other_way,
        )


def _note_other_versions(files, edition):
    """Say which packages are newer than those this was tried with."""
    for path in files:
        name, version = _identity(path)
        tried = edition.packages[name]
        if tried not in (None, version):
            say(f"Note: {name} is {version}; tried with {tried}.")


def _identity(path):
    """Return the name and version of a package file."""
    printed = run_quietly(
        ["dpkg-deb", "--show", "--showformat=${Package}\t${Version}", path],
        f"{path.name} is not a Debian package.",
    )
    return printed.strip().split("\t")


def _unpack(files, folder, edition):
    """Unpack packages into a new folder and give it its name at the very end."""
    identities = dict(map(_identity, files))
    version = identities[edition.odoo_package]
    temporary = Path(tempfile.mkdtemp(prefix=".unpack-", dir=folder))
    temporary.chmod(0o755)
    with Progress(f"Unpacking {edition.title}") as progress:
        for done, path in enumerate(sorted(files, key=lambda path: path.stat().st_size)):
            progress.update(f"package {done + 1} of {len(files)}")
            run_quietly(["dpkg-deb", "-x", path, temporary], f"{path.name} cannot be unpacked.")
        edition.mend(temporary)
    # ':' may stand in a version and would end an entry of PYTHONPATH and the like
    final = folder / version.replace(":", "_")
    temporary.rename(final)
    return final


def _mend(prefix):
    """Give the prefix the files that the package only links to or leaves out."""
    for link, target in RELINKED.items():
        link, target = prefix / link, prefix / target
        if link.is_symlink() and not link.exists() and target.exists():
            link.unlink()
            link.symlink_to(os.path.relpath(target, link.parent))
    for name in LEFT_OUT:
        path = prefix / name
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()


ODOO_19 = Edition("Odoo 19", "odoo", "sid", TRIED_VERSIONS, _mend, _OTHER_WAY)


class _Apt:
    """apt-get with its own sources, lists and cache; the machine's are only read."""

    def __init__(self, folder, edition):
        self.folder = folder
        self.edition = edition
        for name in ("lists/partial", "cache/archives/partial", "packages"):
            (folder / name).mkdir(parents=True, exist_ok=True)
        self.config = folder / "apt.conf"
        self.packages = folder / "packages"

    def download(self, names):
        """Download packages of the suite and return their files.

        :param names: the packages' names
        """
        self._update()
        wanted = self._wanted(names)
        total = sum(wanted.values())
        for path in self.packages.iterdir():
            if path.name not in wanted:
                path.unlink()
        with Progress(f"Downloading {self.edition.title}") as progress:
            self._download(names, lambda size: progress.update(_megabytes(size, total)))
        return [self.packages / name for name in wanted]

    def _wanted(self, names):
        """Return {file name: size} of packages."""
        # in another folder: apt names only what is not there yet
        printed = self._run(
            ["download", "--print-uris", *names], "Odoo's package was not found.", cwd=self.folder
        )
        sizes = {}
        for line in printed.splitlines():
            # 'URI' file size hash
            parts = line.rsplit(" ", 3)
            if len(parts) == 4 and parts[2].isdigit():
                sizes[parts[1]] = int(parts[2])
        if len(sizes) != len(names):
            raise Problem(
                f"apt names {len(sizes)} of the {len(names)} packages that hold"
                f" {self.edition.title}.\n{self.edition.other_way}"
            )
        return sizes

    def _download(self, names, show):
        """Run the download and show its size while it grows."""
        with open(self.folder / "download.log", "w+", encoding="utf-8", errors="replace") as log:
            process = subprocess.Popen(
                guarded(["apt-get", "-q", "download", *names]),
                cwd=self.packages,
                env=self._environment(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
            try:
                while process.poll() is None:
                    time.sleep(0.2)
                    show(_folder_size(self.packages))
            except BaseException:
                process.terminate()
                process.wait()
                raise
            if process.returncode:
                log.seek(0)
                lines = "".join(f"\n  {line}" for line in log.read().splitlines()[-8:])
                raise Problem(
                    "Odoo's package could not be downloaded; run the command again to go on"
                    f" where it stopped.{lines}"
                )

    def _update(self):
        """Fetch the list of the suite's packages from the first mirror that has it."""
        problems = []
        for uri in _mirrors():
            self._configure(uri)
            try:
                with Progress(f"Reading Debian's list of packages ({self.edition.suite})"):
                    self._run(["update", "-q", "--error-on=any"], "The list could not be fetched.")
            except Problem as problem:
                problems.append(str(problem))
                continue
            return
        if problems:
            raise Problem("\n".join([*problems, self.edition.other_way]))
        raise Problem(f"apt on this machine names no Debian mirror.\n{self.edition.other_way}")

    def _configure(self, uri):
        """Write a configuration of our own; proxies and the like are taken from the machine's."""
        sources = self.folder / "sources.list"
        source = f"deb [signed-by={KEYRING}] {uri} {self.edition.suite} main\n"
        sources.write_text(source, encoding="utf-8")
        # apt prefers what is installed on this machine to what is older
        status = self.folder / "status"
        status.touch()
        acquire = run_quietly(["apt-config", "dump", "Acquire"], "apt-config failed.")
        own = {
            "Dir::Etc::Main": "/dev/null",
            "Dir::Etc::Parts": "/dev/null",
            "Dir::Etc::SourceList": sources,
            "Dir::Etc::SourceParts": "/dev/null",
            "Dir::Etc::Preferences": "/dev/null",
            "Dir::Etc::PreferencesParts": "/dev/null",
            "Dir::State::Lists": self.folder / "lists",
            "Dir::State::Status": status,
            "Dir::Cache": self.folder / "cache",
            "Acquire::Languages": "none",
            "Acquire::Retries": "3",
            # as root apt would try to hand the download to a user who may not enter our folder
            "APT::Sandbox::User": "root",
        }
        settings = [f'{name} "{value}";' for name, value in own.items()]
        self.config.write_text(
            "\n".join([acquire, "#clear Acquire::Languages;", *settings, ""]), encoding="utf-8"
        )

    def _environment(self):
        return plain_environment(APT_CONFIG=str(self.config))

    def _run(self, arguments, failure, **options):
        return run_quietly(["apt-get", *arguments], failure, env=self._environment(), **options)


def _mirrors():
    """Return the addresses of Debian archives that this machine's apt uses, best first."""
    rated = {}
    for uri, suite, origin in [*_targets_known_to_apt(), *_targets_in_source_files()]:
        if "security" in suite or "security" in urlsplit(uri).path or "backports" in suite:
            continue
        path = urlsplit(uri).path.rstrip("/")
        rating = 2 * (origin == "Debian") + path.endswith("/debian")
        key = uri.rstrip("/")
        rated[key] = max(rating, rated.get(key, 0))
    return [uri for uri, rating in sorted(rated.items(), key=lambda item: -item[1]) if rating]


def _targets_known_to_apt():
    """Return (address, suite, origin) of the archives as apt itself lists them."""
    try:
        printed = run_quietly(
            ["apt-get", "indextargets", "--format", "$(REPO_URI)|$(RELEASE)|$(ORIGIN)"],
            "apt-get indextargets failed.",
        )
    except Problem:
        return []
    return [tuple(line.split("|")) for line in printed.splitlines() if line.count("|") == 2]


def _targets_in_source_files():
    """Return (address, suite, '') of the archives named in apt's source files, both formats."""
    folder = Path("/etc/apt")
    for path in [folder / "sources.list", *sorted(folder.glob("sources.list.d/*.list"))]:
        for line in _text(path).splitlines():
            if match := re.match(r"\s*deb\s+(?:\[[^]]*\]\s+)?(\S+)\s+(\S+)\s+\S", line):
                yield match[1], match[2], ""
    for path in sorted(folder.glob("sources.list.d/*.sources")):
        for paragraph in re.split(r"\n\s*\n", _text(path)):
            fields = dict(re.findall(r"(?m)^([\w-]+):[ \t]*(.*)$", paragraph))
            if "deb" in fields.get("Types", "").split() and fields.get("Enabled", "yes") != "no":
                for uri in fields.get("URIs", "").split():
                    yield uri, fields.get("Suites", ""), ""


def _text(path):
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def _folder_size(folder):
    size = 0
    for path in folder.iterdir():
        try:
            size += path.stat().st_size
        except FileNotFoundError:
            # renamed by apt between the two calls
            continue
    return size


def _megabytes(done, total):
    return f"{done / 1e6:.0f} of {total / 1e6:.0f} MB"
