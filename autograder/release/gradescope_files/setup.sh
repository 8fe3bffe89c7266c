#!/usr/bin/env bash
# Gradescope runs this once, as root and with network, when it builds the image: a Python of its own for the grader.
set -euo pipefail
base=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
source_folder="$base/source"

python=""
for candidate in python3.13 python3.12 python3.11 python3; do
    if command -v "$candidate" >/dev/null && "$candidate" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
        python=$candidate
        break
    fi
done
if [ -z "$python" ]; then
    apt-get update
    apt-get install -y --no-install-recommends python3.11 python3.11-venv
    python=python3.11
fi

"$python" -m venv "$base/venv"
pip="$base/venv/bin/python -m pip install --no-cache-dir --disable-pip-version-check"
# The CPU build of torch keeps the image small; where its index cannot be reached the default one serves.
$pip --retries 1 --timeout 20 --index-url https://download.pytorch.org/whl/cpu $(grep -E '^torch(vision)?==' "$source_folder/constraints.txt") \
    || $pip $(grep -E '^torch(vision)?==' "$source_folder/constraints.txt")
$pip -c "$source_folder/constraints.txt" -r "$source_folder/requirements.txt"
"$base/venv/bin/python" -c "import matplotlib.pyplot"  # it lists the machine's fonts once, not for every submission

# Submissions run as another user: nothing of the grader is theirs to read.
chmod -R go-rwx "$source_folder"
chmod -R go+rX "$base/venv"
