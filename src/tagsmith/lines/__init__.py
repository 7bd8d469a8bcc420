"""What readers and scanners share: framing, key maps, serial ports, input devices, and what the kernel knows of them.

The one door of pyserial and evdev; both are imported when a device is opened. It knows bytes, keys and nodes, and
neither UIDs' meaning nor visual numbers.
"""
