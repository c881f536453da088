#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""Print what libudev's monitor hears: GROUP (kernel or udev) SUBSYSTEM SECONDS [PROPERTY...]; "ready" first."""
import ctypes
import select
import sys
import time

udev = ctypes.CDLL("libudev.so.1")
for name in ("udev_new", "udev_monitor_new_from_netlink", "udev_monitor_receive_device"):
    getattr(udev, name).restype = ctypes.c_void_p
udev.udev_device_get_property_value.restype = ctypes.c_char_p


def main(group, subsystem, seconds, *properties):
    monitor = ctypes.c_void_p(udev.udev_monitor_new_from_netlink(ctypes.c_void_p(udev.udev_new()), group.encode()))
    udev.udev_monitor_filter_add_match_subsystem_devtype(monitor, subsystem.encode(), None)
    udev.udev_monitor_enable_receiving(monitor)
    fd = udev.udev_monitor_get_fd(monitor)
    print("ready", flush=True)
    end = time.monotonic() + float(seconds)
    while (left := end - time.monotonic()) > 0:
        if select.select([fd], [], [], left)[0] and (device := udev.udev_monitor_receive_device(monitor)):
            values = [udev.udev_device_get_property_value(ctypes.c_void_p(device), p.encode()) for p in ("ACTION", "DEVPATH", *properties)]
            print(*((v or b"-").decode().rsplit("/", 1)[-1] for v in values), flush=True)


main(*sys.argv[1:])
