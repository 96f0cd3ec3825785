# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Odoo 14 as an old dealer has it: from Debian's release of its time, with the Python of that time.

Nothing of it is installed: it lies in the state folder and is run from there. What is here is what
a server needs that nobody looks at with a browser.
"""

from pathlib import Path

from . import debian, locks, paths
from .odoo import Odoo

# Those that Odoo 14 imports, or reads, when sales are installed and used from outside.
_PACKAGES = """
    odoo-14 docutils-common libbrotli1 libbsd0 libbz2-1.0 libcom-err2 libcrypt1 libdeflate0
    libexpat1 libffi7 libfreetype6 libgcc-s1 libgcrypt20 libgmp10 libgnutls30 libgpg-error0
    libgssapi-krb5-2 libhogweed6 libicu67 libidn2-0 libimagequant0 libjbig0 libjpeg62-turbo
    libk5crypto3 libkeyutils1 libkrb5-3 libkrb5support0 liblcms2-2 libldap-2.4-2 liblzma5 libmd0
    libmpdec3 libnettle8 libp11-kit0 libpng16-16 libpq5 libpython3.9-minimal libpython3.9-stdlib
    libsasl2-2 libsass1 libssl1.1 libstdc++6 libtasn1-6 libtiff5 libunistring2 libuuid1 libwebp6
    libwebpdemux2 libwebpmux3 libxau6 libxcb1 libxdmcp6 libxml2 libxslt1.1 libzstd1
    python-babel-localedata python3-babel python3-certifi python3-chardet python3-dateutil
    python3-decorator python3-docutils python3-greenlet python3-html2text python3-idna
    python3-jinja2 python3-libsass python3-lxml python3-markupsafe python3-num2words python3-passlib
    python3-pil python3-pkg-resources python3-polib python3-psutil python3-psycopg2 python3-pypdf2
    python3-reportlab python3-reportlab-accel python3-requests python3-roman python3-six
    python3-stdnum python3-tz python3-urllib3 python3-werkzeug python3-xlrd python3-xlsxwriter
    python3-xlwt python3-zope.interface python3.9-minimal tzdata zlib1g
"""


class Odoo14(Odoo):
    """An Odoo 14 and its Python, beside which its libraries lie."""

    # It has no address for the purpose. This one needs neither a database nor a session.
    health_path = "/web/webclient/locale/en_US"

    def demo_option(self, demo):
        """Return the option that says whether demo data is installed."""
        return f"--without-demo={'' if demo else 'all'}"

    def command(self, *arguments):
        """Return the command line of Odoo with these arguments, with its own environment."""
        prefix = self.python.parents[2]
        libraries = [*prefix.glob("usr/lib/*-linux-gnu*"), *prefix.glob("lib/*-linux-gnu*")]
        environment = {
            "LD_LIBRARY_PATH": ":".join(map(str, libraries)),
            "PYTZ_TZDATADIR": str(prefix / "usr/share/zoneinfo"),
            # without it each start would compile everything anew
            "PYTHONDONTWRITEBYTECODE": "",
            # of libraries, about themselves
            "PYTHONWARNINGS": "ignore",
        }
        settings = [f"{name}={value}" for name, value in environment.items()]
        return ["env", *settings, *super().command(*arguments)]


def prepare():
    """Fetch what is missing and return the Odoo 14; interrupted, it goes on where it was.

    :raise Problem: when it cannot be had on this machine
    """
    if not debian.unpacked_prefix(EDITION):
        waiting = "Another script is fetching Odoo 14; waiting for it."
        with locks.exclusive(paths.state_dir() / "odoo-14.lock", waiting):
            if not debian.unpacked_prefix(EDITION):
                debian.fetch(EDITION)
    prefix = debian.unpacked_prefix(EDITION)
    return Odoo14(debian.package_folder(prefix), prefix / "usr/bin/python3.9")


def _mend(prefix):
    """Let a library find its files beside itself; Debian has written down where they would be."""
    path = Path(debian.package_folder(prefix), "docutils/__init__.py")
    text = path.read_text("utf-8")
    own = "prefix + '../../../../share/docutils/'"
    path.write_text(text.replace("'/usr/share/docutils/'", own), encoding="utf-8")


EDITION = debian.Edition(
    title="Odoo 14",
    folder="odoo-14",
    suite="bullseye",
    packages=dict.fromkeys(_PACKAGES.split()),
    mend=_mend,
    other_way="Only the tests with an old dealer need it.",
)
