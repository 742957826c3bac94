"""Where the peers live: a venv under build/peers with what PyPI has of them.

llama-cpp-python is a source package. It is built with clang: GCC 12 miscompiles its AMX path. What
cannot be installed is not left out of the table: its engines carry the sentence that says why.
"""

import os
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
HOME = ROOT / "build" / "peers"
PYTHON = HOME / "venv" / "bin" / "python"

# What makes the models; without it nothing can be compared.
NEEDED = ["-r", str(ROOT / "tools" / "requirements.txt")]

# Engine: (what pip installs, what Python imports).
PEERS = {
    "llama.cpp": ("llama-cpp-python", "llama_cpp"),
    "openvino-genai": ("openvino-genai", "openvino_genai"),
    "onnxruntime-genai": ("onnxruntime-genai", "onnxruntime_genai"),
}

LLAMA_BUILD = {
    "CC": "clang", "CXX": "clang++",
    "CMAKE_ARGS": "-DGGML_NATIVE=ON -DLLAVA_BUILD=OFF -DLLAMA_CURL=OFF",
}


def _pip(*arguments, **variables):
    """Runs pip in the venv; None if it worked, else the last line it said."""
    done = subprocess.run([PYTHON, "-m", "pip", "--disable-pip-version-check", *arguments],
                          env={**os.environ, **variables}, capture_output=True, text=True,
                          check=False)
    if done.returncode == 0:
        return None
    said = [line for line in (done.stdout + done.stderr).splitlines() if line.strip()]
    return said[-1].strip() if said else f"pip ended with {done.returncode}"


def _imports(module):
    """Why the module cannot be imported; None if it can."""
    done = subprocess.run([PYTHON, "-c", f"import {module}"], capture_output=True, text=True,
                          check=False)
    if done.returncode == 0:
        return None
    said = done.stderr.strip().splitlines()
    return said[-1] if said else f"importing {module} ended with {done.returncode}"


def prepare(install):
    """Makes the venv and, if `install`, installs what is not there.

    Returns {engine: why it cannot be used, or None}.
    """
    if not PYTHON.exists():
        HOME.mkdir(parents=True, exist_ok=True)
        subprocess.run([sys.executable, "-m", "venv", HOME / "venv"], check=True)
    if _imports("gguf") or _imports("onnx"):
        problem = _pip("install", *NEEDED)
        if problem:
            sys.exit(f"peers: what makes the models cannot be installed: {problem}")
    problems = {}
    for engine, (package, module) in PEERS.items():
        if install and _imports(module) is not None:
            print(f"peers: installing {package}", file=sys.stderr, flush=True)
            variables = LLAMA_BUILD if engine == "llama.cpp" else {}
            # A wheel built before, by hand or by an earlier run, is taken from build/peers/wheels.
            _pip("install", "--find-links", str(HOME / "wheels"), package, **variables)
        problem = _imports(module)
        problems[engine] = f"{package} cannot be used: {problem}" if problem else None
    return problems


def versions():
    """{engine: version} of what is installed."""
    query = "import importlib.metadata as m, sys; print(m.version(sys.argv[1]))"
    found = {}
    for engine, (package, _) in PEERS.items():
        done = subprocess.run([PYTHON, "-c", query, package], capture_output=True, text=True,
                              check=False)
        if done.returncode == 0:
            found[engine] = done.stdout.strip()
    return found
