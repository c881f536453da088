# SPDX-License-Identifier: GPL-2.0-only
"""The same for the isolation attributes of the test kernel module."""
from guest import Module, cxl, keep_capture, listing, names, record, root_port

TOPOLOGIES = ("direct1", "direct2x2")


def test_attributes_as_posted():
    with Module():
        record("v1")


def test_attributes_without_the_defects():
    with Module(fixed=True):
        record("v1-fixed")


def test_a_capture_holds_the_attributes_and_the_registers():
    with Module(fixed=True):
        cxl("enable-isolation", "--timeout=B2", root_port(names("mem")[0]))
        keep_capture(listing())


def test_a_capture_holds_what_v1_refuses_to_say():
    with Module():
        keep_capture(listing())
