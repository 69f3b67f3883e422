"""Installs what the peers need, builds them, tells their versions. What cannot be had makes its peers unavailable."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
GO_SOURCES = "/usr/share/gocode"
SWIFT_SECONDS, OTHER_SECONDS = 3600, 600

# Debian package -> what shows that it is there: a command, or a file.
C_NEEDS = {"gcc": "cc", "libc6-dev": "/usr/include/stdio.h"}
SWIFT_NEEDS = {
    "libzstd-dev": "/usr/include/zstd.h", "liblz4-dev": "/usr/include/lz4.h", "pkg-config": "pkg-config"}
NEEDS = {
    "c-tcp": C_NEEDS,
    "c-nghttp2": {**C_NEEDS, "libnghttp2-dev": "/usr/include/nghttp2/nghttp2.h"},
    "go": {
        "golang-go": "go",
        "golang-github-hashicorp-yamux-dev": f"{GO_SOURCES}/src/github.com/hashicorp/yamux",
        "golang-github-xtaci-smux-dev": f"{GO_SOURCES}/src/github.com/xtaci/smux",
    },
    "swift": SWIFT_NEEDS,
    "swift-memory": SWIFT_NEEDS,
}


class Unavailable(Exception):
    """A build's peers cannot be measured here; the text says why."""


def say(text):
    print(text, file=sys.stderr, flush=True)


def is_there(evidence):
    return os.path.exists(evidence) if evidence.startswith("/") else shutil.which(evidence) is not None


def run_quietly(command, what, seconds, **options):
    try:
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=seconds, **options)
    except FileNotFoundError as error:
        raise Unavailable(f"{what}: {error.filename} is not installed") from error
    except subprocess.TimeoutExpired as error:
        raise Unavailable(f"{what}: it took more than {seconds} seconds") from error
    if done.returncode != 0:
        lines = done.stdout.decode(errors="replace").strip().splitlines()
        errors = [line for line in lines if "error" in line.lower()] or lines[-1:] or ["it said nothing"]
        raise Unavailable(f"{what}: {errors[0]}")
    return done.stdout.decode(errors="replace")


def install(build):
    missing = [package for package, evidence in NEEDS[build].items() if not is_there(evidence)]
    if not missing:
        return
    if shutil.which("apt-get") is None:
        raise Unavailable(f"install {' and '.join(missing)} (or what your system calls them); there is no apt-get here")
    prefix = [] if os.geteuid() == 0 else ["sudo", "-n"]
    if prefix and shutil.which("sudo") is None:
        raise Unavailable(f"run 'apt-get install {' '.join(missing)}' as root; this user may not")
    say(f"installing {' '.join(missing)}")
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    run_quietly([*prefix, "apt-get", "update", "-qq"], "apt-get update failed", OTHER_SECONDS, env=environment)
    run_quietly([*prefix, "apt-get", "install", "-y", "-qq", "--no-install-recommends", *missing],
                f"apt-get cannot install {' '.join(missing)}", OTHER_SECONDS, env=environment)


def build_c(name, sources, *libraries):
    folder = ROOT / ".build-c"
    folder.mkdir(exist_ok=True)
    program = folder / name
    paths = [str(ROOT / "c" / source) for source in sources]
    run_quietly(["cc", "-O2", "-Wall", "-Wextra", "-o", str(program), *paths, *libraries],
                f"{name} cannot be built", OTHER_SECONDS)
    return program


def build_go():
    folder = ROOT / ".build-go"
    folder.mkdir(exist_ok=True)
    program = folder / "mux"
    environment = {
        **os.environ, "GO111MODULE": "off", "GOFLAGS": "", "GOPATH": GO_SOURCES, "GOCACHE": str(folder / "cache")}
    run_quietly(["go", "build", "-o", str(program), "./go"], "mux cannot be built", OTHER_SECONDS, cwd=ROOT,
                env=environment)
    return program


def build_swift(name):
    folder = ROOT / ".build-swift"
    run_quietly(
        ["swift", "build", "-c", "release", "--product", name, "--package-path", str(ROOT / "swift"), "--scratch-path",
         str(folder)],
        f"{name} cannot be built", SWIFT_SECONDS)
    return folder / "release" / name


BUILDS = {
    "c-tcp": lambda: build_c("tcp", ["tcp.c", "common.c"]),
    "c-nghttp2": lambda: build_c(
        "nghttp2",
        ["nghttp2_client.c", "nghttp2_server.c", "nghttp2_connection.c", "nghttp2_memory.c", "common.c"], "-lnghttp2"),
    "go": build_go,
    "swift": lambda: build_swift("swift-peers"),
    "swift-memory": lambda: build_swift("swift-memory"),
}


def prepare(builds):
    """Build -> its program, and build -> why it has none."""
    programs, unavailable = {}, {}
    for build in builds:
        try:
            install(build)
            say(f"building {build}")
            programs[build] = BUILDS[build]()
        except Unavailable as error:
            unavailable[build] = str(error)
            say(f"{build} is unavailable: {error}")
    return programs, unavailable


def output_of(*command):
    """The first line that a command prints, or "unknown" where it cannot run or prints none."""
    try:
        done = subprocess.run(command, capture_output=True, timeout=30, cwd=ROOT, check=True)
    except (OSError, subprocess.SubprocessError):
        return "unknown"
    return done.stdout.decode(errors="replace").strip().partition("\n")[0] or "unknown"


def commit():
    try:
        subprocess.run(["git", "diff", "--quiet", "HEAD"], timeout=30, cwd=ROOT, check=True)
    except (OSError, subprocess.SubprocessError):
        return output_of("git", "rev-parse", "--short=12", "HEAD") + ", with changes that are not committed"
    return output_of("git", "rev-parse", "--short=12", "HEAD")


def package_version(name):
    return output_of("dpkg-query", "-W", "-f", "${Version}", name)


def versions():
    manifest = (ROOT / "swift" / "Package.swift").read_text()
    pins = dict(re.findall(r'apple/([\w-]+)", exact: "([\d.]+)"', manifest))
    return {
        "DWCP": "commit " + commit(),
        "swift-nio": pins.get("swift-nio", "unknown"),
        "swift-nio-http2": pins.get("swift-nio-http2", "unknown"),
        "Swift": output_of("swift", "--version"),
        "nghttp2": "Debian " + package_version("libnghttp2-dev"),
        "yamux": "Debian " + package_version("golang-github-hashicorp-yamux-dev"),
        "smux": "Debian " + package_version("golang-github-xtaci-smux-dev"),
        "Go": output_of("go", "version"),
        "C compiler": output_of("cc", "--version"),
    }
