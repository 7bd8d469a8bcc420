"""What watches over a station from outside: systemd, journald and Prometheus, and what they are told.

    liveness  whether what must turn has turned (pure)
    notify    READY, STATUS, WATCHDOG and STOPPING to the service manager
    journald  log records with their fields
    figures   what a station counts, and how that is written for Prometheus (pure)
    textfile  a file that is there whole or not at all

It asks nobody anything and changes nothing of a station. A watcher that is away never stops a pair.
"""
