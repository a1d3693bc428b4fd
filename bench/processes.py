"""Programs started for a measurement: what they printed and took."""
import dataclasses
import os
import subprocess
import sys
import tempfile
import time

ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}  # the environment in which a BLAS uses one


@dataclasses.dataclass
class Ran:
    out: str
    seconds: float  # wall time
    cpu: float  # processor seconds, user and system
    peak: int  # most resident bytes


def run(command, folder=None, environment=None):
    """Runs a command to its end, which must be 0: otherwise this program ends with its last words. Started by a parent that holds no data, so that
    its memory is not counted as theirs."""
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
        start = time.monotonic()
        process = subprocess.Popen(command, cwd=folder, stdout=out, stderr=err, env={**os.environ, **(environment or {})})
        _, status, used = os.wait4(process.pid, 0)
        seconds = time.monotonic() - start
        process.returncode = os.waitstatus_to_exitcode(status)
        for stream in (out, err):
            stream.seek(0)
        if process.returncode != 0:
            sys.exit(f"{' '.join(command)[:300]} ended with {process.returncode}:\n{err.read()[-2000:]}")
        return Ran(out.read(), seconds, used.ru_utime + used.ru_stime, used.ru_maxrss * 1024)
