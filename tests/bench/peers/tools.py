"""Where the peers' programs come from, and how they are run: nothing is installed, nothing stays.

Debian's packages are downloaded and unpacked, with the packages that they need and the machine has not; their services
never start. Python's packages go into an environment of their own. Both stay in build/peers for the next time."""
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request

LIBRARIES = ("usr/lib/x86_64-linux-gnu", "usr/lib/aarch64-linux-gnu", "lib/x86_64-linux-gnu", "lib/aarch64-linux-gnu")
NOBODY = 65534


class Unavailable(Exception):
    """A peer cannot be asked here; the message says why."""


def run(command, **options):
    """Its output; Unavailable with what it said if it fails."""
    done = subprocess.run([str(word) for word in command], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          check=False, **options)
    if done.returncode != 0:
        raise Unavailable(f"{command[0]}: {(done.stderr or done.stdout).strip()[-400:]}")
    return done.stdout


def unpack(root, packages):
    """Debian's packages into root/debian, if they are not there yet."""
    debian, archives = root / "debian", root / "archives"
    done = debian / "unpacked"
    if done.exists() and set(packages) <= set(done.read_text().split()):
        return
    shutil.rmtree(debian, ignore_errors=True)
    archives.mkdir(exist_ok=True)
    run(["apt-get", "-qq", "-y", "--no-install-recommends", "--download-only", "--reinstall", "-o",
         f"Dir::Cache::archives={archives}", "-o", "Debug::NoLocking=1", "install", *packages])
    for archive in archives.glob("*.deb"):
        run(["dpkg-deb", "-x", archive, debian])
    done.write_text(" ".join(packages))


def environment(root, packages):
    """An interpreter that has Python's packages, beside those of the machine."""
    done = root / "python/installed"
    if not done.exists() or not set(packages) <= set(done.read_text().split()):
        run(["/usr/bin/python3", "-m", "venv", "--clear", "--system-site-packages", root / "python"])
        run([root / "python/bin/pip", "install", "--quiet", "--disable-pip-version-check", *packages])
        done.write_text(" ".join(packages))
    return root / "python/bin/python3"


class Tools:
    """Programs, ports and processes of one run."""

    def __init__(self, root, bin_dir):
        self.debian, self.archives, self.bin_dir = root / "debian", root / "archives", pathlib.Path(bin_dir)
        self.environment = {**os.environ, "LD_LIBRARY_PATH": ":".join(str(self.debian / path) for path in LIBRARIES)}
        # PostgreSQL does not run as root.
        self.user = {"user": NOBODY, "group": NOBODY, "extra_groups": []} if os.geteuid() == 0 else {}
        self._processes = []

    def program(self, name):
        """Of Debian's packages."""
        for folder in ("usr/lib/postgresql/15/bin", "usr/bin", "usr/sbin"):
            if (self.debian / folder / name).exists():
                return self.debian / folder / name
        raise Unavailable(f"no program {name} in the packages")

    def debian_version(self, package):
        return next(self.archives.glob(f"{package}_*.deb")).name.split("_")[1]

    def run(self, command, **options):
        return run(command, env=self.environment, **options)

    def give_away(self, folder):
        """The folder belongs to who PostgreSQL runs as."""
        if self.user:
            shutil.chown(folder, NOBODY, NOBODY)

    def spawn(self, command, log, **options):
        with open(log, "ab") as file:
            process = subprocess.Popen([str(word) for word in command], stdin=subprocess.DEVNULL, stdout=file,
                                       stderr=file, env=self.environment, start_new_session=True, **options)
        self._processes.append(process)
        return process

    def end(self, process, number=signal.SIGTERM):
        if process is not None and process.poll() is None:
            process.send_signal(number)
            try:
                process.wait(60)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def end_all(self):
        for process in self._processes:
            self.end(process, signal.SIGKILL)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_until(ready, process, what, seconds=60):
    """Until ready() is true; Unavailable when the process has ended, or time has."""
    end = time.monotonic() + seconds
    while process.poll() is None and time.monotonic() < end:
        if ready():
            return
        time.sleep(0.002)
    raise Unavailable(f"{what} did not start")


def answers(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def fetch(url, data=None):
    request = urllib.request.Request(url, data=data)
    try:
        with urllib.request.urlopen(request, timeout=300) as response:
            return response.read()
    except urllib.error.HTTPError as error:
        raise Unavailable(f"{url}: {error.read()[:300]!r}") from error


def bytes_in(folder):
    """On disk; holes of preallocated files do not count."""
    return sum(path.stat().st_blocks * 512 for path in pathlib.Path(folder).rglob("*") if path.is_file())
