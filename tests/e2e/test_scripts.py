# Copyright bpo_crm contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""What the servers of tests and scripts stand on, and the tour that scripts/demo prints."""

import ast
import fcntl
import os
import re
import socket
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest
from devlib import paths, ports
from devlib.console import Problem
from devlib.coverage_report import Coverage, describe
from devlib.demo import DEALERSHIP_CODE, OWN_CODES, TOUR
from devlib.pictures import shots
from devlib.setup import prepare
from devlib.system import plain_environment
from devlib.world import wait_until

README = paths.CHECKOUT / "README.md"
PICTURE = re.compile(r"!\[[^]]+\]\(static/description/([^)]+)\)")

OTHER_PROGRAM = """
import sys
from devlib.ports import free_ports
print(free_ports()[0], flush=True)
sys.stdin.read()
"""

# ends when it is told to as PostgreSQL is
SERVER = """
import os, pathlib, signal, sys
signal.signal(signal.SIGINT, signal.SIG_DFL)
pathlib.Path(sys.argv[1]).write_text(str(os.getpid()))
signal.pause()
"""


@pytest.fixture
def other_program():
    """Another program that has chosen a port, which it prints, and has not begun to listen."""
    command = [sys.executable, "-c", OTHER_PROGRAM]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, cwd=paths.SCRIPTS, **pipes) as program:
        yield program
        program.kill()


def test_kernel_hands_out_none_of_them():
    with open("/proc/sys/net/ipv4/ip_local_port_range", encoding="ascii") as file:
        first, last = map(int, file.read().split())
    chosen = ports.free_ports(20)
    assert [port for port in chosen if first <= port <= last] == []
    assert len(set(chosen)) == 20


def test_another_program_keeps_its_choice_until_it_ends(other_program):
    port = int(other_program.stdout.readline())
    assert ports.port_is_free(port)
    assert not ports.reserve(port)
    other_program.kill()
    other_program.wait()
    assert ports.reserve(port)
    assert not ports.reserve(port)


def test_port_in_use_is_not_chosen():
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        assert not ports.reserve(port)
    assert ports.reserve(port)


def test_machine_that_hands_out_all_ports(monkeypatch):
    monkeypatch.setattr(ports, "ephemeral_ports", lambda: range(1024, 65536))
    assert len(set(ports.free_ports(3))) == 3


def test_no_port_is_left(monkeypatch):
    monkeypatch.setattr(ports, "reserve", lambda port: False)
    with pytest.raises(Problem, match="No 2 ports"):
        ports.free_ports(2)


def test_supervisor_is_nobodys_child(tmp_path):
    """Odoo's tests end the children of their process, and scripts/odoo goes on as Odoo."""
    users, pid = tmp_path / "users", tmp_path / "pid"
    users.touch()
    supervisor = paths.SCRIPTS / "devlib" / "pg_supervisor.py"
    program = [sys.executable, "-c", SERVER, pid]
    with open(users, encoding="ascii") as user:
        fcntl.flock(user, fcntl.LOCK_SH)
        subprocess.run(
            [sys.executable, "-I", "-S", supervisor, users, *program], timeout=10, check=True
        )
        running = wait_until(lambda: pid.exists() and pid.read_text("ascii"), 10)
        assert os.path.exists(f"/proc/{running}")
    wait_until(lambda: not os.path.exists(f"/proc/{running}"), 10)


def demo_records(model):
    """Return the records of a model in the demo data, each as ``{field: text or reference}``."""
    return [
        {field.get("name"): field.get("ref") or field.text for field in record.iter("field")}
        for file in sorted((paths.CHECKOUT / "demo").glob("*.xml"))
        for record in ElementTree.parse(file).iter("record")
        if record.get("model") == model
    ]


def test_tour_names_what_is_there():
    """Who logs in, whose deals are dragged, and what is typed: as the demo data has them."""
    logins = {user["login"] for user in demo_records("res.users")} | {"admin"}
    steps = re.split(r"^\d\. ", TOUR, flags=re.M)[1:]
    assert len(steps) == 5
    visitors = [re.match(r"\{\w+\}\S+ as (\w+)", step)[1] for step in steps]
    assert set(visitors) <= logins
    leads = {lead["name"]: lead for lead in demo_records("crm.lead")}
    for name in re.findall(r'"(.+?)"', TOUR):
        assert leads[name]["user_id"] == "user_demo_alice"
        assert leads[name]["dealership_id"] == f"dealership_{DEALERSHIP_CODE.lower()}"
    codes = {product["default_code"] for product in demo_records("product.product")}
    [(ours, theirs)] = OWN_CODES.items()
    assert ours in codes and ours in TOUR and theirs in TOUR


def test_pictures_are_shown_and_show_what_is_there():
    """Those of the docs are made by scripts/pictures, from records of the demo data."""
    shown = {Path(name).stem for name in PICTURE.findall(README.read_text("utf-8"))}
    assert shown == set(shots.NAMES)
    manifest = ast.literal_eval((paths.CHECKOUT / "__manifest__.py").read_text("utf-8"))
    assert {Path(name).stem for name in manifest["images"]} == shown
    for image in manifest["images"]:
        assert (paths.CHECKOUT / image).is_file()
    leads = {lead["name"]: lead for lead in demo_records("crm.lead")}
    for name in (shots.WON, shots.LOST):
        assert leads[name]["user_id"] == "user_demo_alice"
    assert "line_ids" not in leads[shots.INCOMPLETE]


def test_what_is_started_is_measured(tmp_path, monkeypatch):
    for name in ("COVERAGE_PROCESS_START", "COVERAGE_FILE", "BPO_COVERAGE_SOURCE"):
        monkeypatch.setenv(name, "set back afterwards")
    odoo = prepare(tools=True)
    Coverage(odoo, tmp_path / "data", tmp_path / "pages").begin()
    program = [odoo.python, "-c", "import dealer_api.address"]
    subprocess.run(program, cwd=paths.CHECKOUT, env=plain_environment(), check=True)
    [data] = (tmp_path / "data").iterdir()
    assert b"dealer_api/address.py" in data.read_bytes()


def test_what_is_said_of_coverage():
    def summary(lines, all_lines, branches, all_branches):
        return {
            "covered_lines": lines,
            "num_statements": all_lines,
            "covered_branches": branches,
            "num_branches": all_branches,
            "missing_branches": all_branches - branches,
        }

    report = {
        "totals": summary(19, 20, 9, 16),
        "files": {
            "models/few.py": {"summary": summary(9, 10, 5, 6)},
            "models/all.py": {"summary": summary(10, 10, 0, 0)},
            "models/many.py": {"summary": summary(0, 0, 4, 10)},
        },
    }
    rows = [line.split() for line in describe(report)[2:]]
    assert rows == [
        ["all", "files", "95.0", "%", "56.2", "%", "7"],
        ["models/many.py", "-", "40.0", "%", "6"],
        ["models/few.py", "90.0", "%", "83.3", "%", "1"],
    ]
