"""An app as textual-serve starts one: says that it is one, then lives until it is told to end."""

import os
import sys

sys.stdout.buffer.write(b"__GANGLION__\nD\0\0\0\5hello")
sys.stdout.buffer.flush()
while (data := os.read(0, 4096)) and b'"quit"' not in data:
    pass
