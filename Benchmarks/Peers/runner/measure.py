"""Runs one workload of one peer once: a server process, a client process, and their figures."""

import json
import os
import select
import signal
import socket
import subprocess
import threading

HOST = "127.0.0.1"
READY_SECONDS = 20


class Failed(Exception):
    """A peer did not do its work; the text says why."""


def free_port():
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return probe.getsockname()[1]


def reap(process):
    """Waits for a process of our own; its exit code and the processor seconds it took."""
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    return process.returncode, usage.ru_utime + usage.ru_stime


def last_words(file):
    file.seek(0)
    lines = file.read().decode(errors="replace").strip().splitlines()
    return lines[-1] if lines else "it said nothing"


def run_once(program, peer, workload, seconds, scratch):
    """The client's figures, with the processor time of both ends for each unit of work."""
    if workload.is_memory:
        return run_memory(program, peer, workload, seconds, scratch)
    options = list(peer.options)
    server_options = options + (list(peer.idle_options) if workload.kind == "idle" else [])
    port = free_port()
    with open(scratch / "server.err", "w+b") as errors:
        server = subprocess.Popen([program, "serve", str(port), *server_options], stdout=subprocess.PIPE, stderr=errors)
        try:
            await_ready(server, errors)
            figures = run_client(program, peer, workload, seconds, port, scratch)
        finally:
            # Not through Popen, which would reap the process where its processor time is lost.
            os.kill(server.pid, signal.SIGTERM)
            code, server_seconds = reap(server)
            server.stdout.close()
        if code not in (0, -signal.SIGTERM):
            raise Failed(f"the server ended with {code}: {last_words(errors)}")
    add_processor_figures(figures, server_seconds)
    return figures


def run_memory(program, peer, workload, seconds, scratch):
    """The figures of a program that is both ends."""
    limits = ["--seconds", str(seconds), "--streams", str(workload.streams)]
    limits += ["--per-flush", str(workload.units_per_flush)]
    return run_to_end([program, workload.kind, *limits, *peer.options], seconds, scratch)


def await_ready(server, errors):
    readable, _, _ = select.select([server.stdout], [], [], READY_SECONDS)
    if readable and server.stdout.readline().strip() == b"ready":
        return
    raise Failed(f"the server did not become ready: {last_words(errors)}")


def run_client(program, peer, workload, seconds, port, scratch):
    limits = ["--seconds", str(seconds)]
    if workload.kind != "idle":
        limits += ["--streams", str(workload.streams)]
    return run_to_end([program, workload.kind, HOST, str(port), *limits, *peer.options], seconds, scratch)


def run_to_end(command, seconds, scratch):
    """What a program prints, which must be JSON."""
    with open(scratch / "client.out", "w+b") as output, open(scratch / "client.err", "w+b") as errors:
        client = subprocess.Popen(command, stdout=output, stderr=errors)
        patience = 30 + 5 * seconds
        was_late = threading.Event()

        def end_late_client():
            was_late.set()
            if client.returncode is None:
                os.kill(client.pid, signal.SIGKILL)

        timer = threading.Timer(patience, end_late_client)
        timer.start()
        code, _ = reap(client)
        timer.cancel()
        if was_late.is_set():
            raise Failed(f"the client had not ended after {patience:.0f} seconds")
        if code != 0:
            raise Failed(last_words(errors))
        output.seek(0)
        try:
            return json.load(output)
        except ValueError as error:
            raise Failed(f"the client printed no JSON: {error}") from error


def add_processor_figures(figures, server_seconds):
    """The client says what its measured span took, without the making of its source; the server is counted whole."""
    if "clientCPUSeconds" not in figures:
        return
    figures["serverCPUSeconds"] = server_seconds
    both = figures["clientCPUSeconds"] + server_seconds
    if figures.get("byteCount"):
        figures["cpuSecondsPerGiB"] = both / (figures["byteCount"] / (1 << 30))
    if figures.get("streamCount"):
        figures["cpuMicrosecondsPerStream"] = both / figures["streamCount"] * 1e6
    if figures.get("roundTripCount"):
        figures["cpuMicrosecondsPerRoundTrip"] = both / figures["roundTripCount"] * 1e6
