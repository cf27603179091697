"""Random bytes drawn ahead are handed out once."""

import subprocess
import sys

from caveat.gateway.house.drawn import AT_ONCE, Drawn

FORKS = """
import os
from caveat.gateway.house.drawn import fresh
fresh(1)
here, there = os.pipe()
if not os.fork():
    os.write(there, fresh(32))
    os._exit(0)
os.wait()
print(os.read(here, 32).hex(), fresh(32).hex())
"""


def test_each_byte_is_handed_out_once():
    drawn = Drawn()
    keys = [drawn.take(32) for _ in range(3 * AT_ONCE // 32 + 1)]
    assert {len(key) for key in keys} == {32}
    assert len(set(keys)) == len(keys)


def test_a_forked_process_draws_its_own():
    said = subprocess.run([sys.executable, "-c", FORKS], capture_output=True, text=True, check=True, timeout=60).stdout
    child, parent = said.split()
    assert len(child) == len(parent) == 64
    assert child != parent
