"""Every way to start a server, every way for it to end, and surroundings that nobody prepared for it.

``launchers`` needs packages that only its leg of the matrix installs, and is collected only where it is named.
"""
