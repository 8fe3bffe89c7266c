#!/usr/bin/env bash
# Gradescope runs this once, as root and with network, when it builds the image: a Python of its own for the grader.
set -euo pipefail
base=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
source_folder="$base/source"

# Set $python to the first Python that is new enough and can make an environment with pip in it.
choose_python() {
    for python in $candidates; do
        if "$python" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then return; fi
    done
    return 1
}

# Print the Debian package that completes each Python here that is new enough: python3.13-venv holds its ensurepip.
own_packages() {
    for python in $candidates; do
        "$python" -c 'import sys; sys.version_info < (3, 11) or print("python%d.%d-venv" % sys.version_info[:2])' 2>/dev/null
    done
}

# Install one package after the other until a Python can be chosen. Each brings its Python along.
install_python() {
    export DEBIAN_FRONTEND=noninteractive
    apt-get update || true
    for package in $(own_packages) python3.13-venv python3.12-venv python3.11-venv python3-venv; do
        if apt-get install -y --no-install-recommends "$package" && choose_python; then return; fi
    done
    return 1
}

candidates="python3.13 python3.12 python3.11 python3"
if ! choose_python && ! install_python; then
    echo "setup.sh: no Python 3.11 or newer with venv here, and apt-get could not install one (see above);" \
        "choose Ubuntu 22.04, Debian 12 or newer as the base image." >&2
    exit 1
fi

"$python" -m venv "$base/venv"
pip="$base/venv/bin/python -m pip install --no-cache-dir --disable-pip-version-check"
# The CPU build of torch keeps the image small; where its index cannot be reached the default one serves.
# An assignment in NumPy needs no torch.
grep -qs '^framework = "numpy"' "$source_folder/bundle/assignment.toml" \
    || $pip --retries 1 --timeout 20 --index-url https://download.pytorch.org/whl/cpu $(grep -E '^torch(vision)?==' "$source_folder/constraints.txt") \
    || $pip $(grep -E '^torch(vision)?==' "$source_folder/constraints.txt")
$pip -c "$source_folder/constraints.txt" -r "$source_folder/requirements.txt"
"$base/venv/bin/python" -c "import matplotlib.pyplot"  # it lists the machine's fonts once, not for every submission

# Submissions run as another user: nothing of the grader is theirs to read.
chmod -R go-rwx "$source_folder"
chmod -R go+rX "$base/venv"
