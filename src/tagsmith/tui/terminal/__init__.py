"""The terminal under the screen: what comes in, what goes out, and what happens when it stalls or goes away.

Textual's own drivers die of one byte that is no UTF-8, go deaf at a paste that never ends, burn a core when the
terminal is gone, and stop everything while it does not read. What is here replaces those parts and no more.
"""
