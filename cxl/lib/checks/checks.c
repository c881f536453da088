// SPDX-License-Identifier: GPL-2.0-only
/*
 * The table of checks.  Each is a pure function over the snapshot, in one of
 * the files that checks.h names; its id is stable, scripts match on it.
 */
#include "cxl/lib/checks/checks.h"

const char *check_join(struct arena *a, const char *list, const char *sep, const char *name)
{
	return list && name ? arena_printf(a, "%s%s%s", list, *list ? sep : "", name) : NULL;
}

const struct check checks[] = {
	{
		.id = "ISO-CAP", .kind = CHECK_CANNOT, .caps_at = CONTAINMENT_NONE,
		.title = "the root port has no isolation capability",
		.why = "CXL.mem Timeout & Isolation is an optional capability of a root port (CXL r3.2 sec 8.2.4.24, capability ID 9). Without it a link that goes down or times out resets the host.",
		.remedy = "none in software: place the device below a root port that has the capability (cxl list --isolation shows which)",
		.fails = check_no_capability, .cannot_tell = check_capability_unknown,
	}, {
		.id = "ISO-ABI", .kind = CHECK_CANNOT, .caps_at = CONTAINMENT_NONE,
		.title = "the kernel has no isolation attributes for the root port",
		.why = "The directory cxl_isolation/ of the root port's PCI device comes with the kernel option CXL_ISOLATION, which needs the CXL core built in (CXL_BUS=y), and only on ports whose capability has an interrupt. No released kernel has it yet. Isolation that is on without it, by --registers, is no failure of this check until it is to be changed.",
		.remedy = "boot a kernel with CONFIG_CXL_ISOLATION=y and CONFIG_CXL_BUS=y; to try it without one: cxl-sim run --kernel v1-fixed -- cxl list --isolation",
		.fails = check_no_abi,
	}, {
		.id = "ISO-ISOLATED", .kind = CHECK_UNSAFE, .caps_at = CONTAINMENT_NONE, .guards_disable = true,
		.title = "the root port is already isolated",
		.why = "In isolation reads return errors and writes are dropped; memory and caches must be assumed corrupt. Leaving it takes clearing the status and a Link Down (CXL r3.2 sec 12.3), not a change of the enable bit, which is undefined in this state.",
		.remedy = "stop what used the memory, then bring the port back: cxl recover-port ADDRESS",
		.fails = check_is_isolated, .cannot_tell = check_isolated_unknown,
	}, {
		.id = "ISO-LINK", .kind = CHECK_UNSAFE, .caps_at = CONTAINMENT_NONE,
		.title = "the link below the root port is down",
		.why = "With isolation enabled Link Down triggers it unconditionally (CXL r3.2 sec 12.3.2).",
		.remedy = "seat and power the device, then rescan the root port: echo 1 > /sys/bus/pci/devices/ADDRESS/rescan",
		.fails = check_link_is_down, .cannot_tell = check_link_unknown,
	}, {
		.id = "ISO-BUSY", .kind = CHECK_UNSAFE, .caps_at = CONTAINMENT_RECOVER, .guards_disable = true,
		.title = "the memory below the root port is in use",
		.why = "CXL.mem traffic through the port has to be quiesced before isolation is switched on or off: a change under traffic is undefined (CXL r3.2 sec 12.3). A process that maps the memory may access it at any moment, and so may a file system on a dax device. A process that only has the device open does not count. recover-port takes the memory away altogether, whether isolation is on or not.",
		.remedy = "end what maps it (the finding names pid and command), or unmount the file system, then run the command again",
		.fails = check_is_busy, .cannot_tell = check_users_unknown,
	}, {
		.id = "ISO-MEM-ONLINE", .kind = CHECK_UNSAFE, .caps_at = CONTAINMENT_DEBUG,
		.title = "memory below the root port is online as System RAM",
		.why = "The kernel panics on a machine check in pages it uses itself; ZONE_MOVABLE does not help, since pinned pages cannot be moved away in time. Only device-dax memory has users that can be found and stopped. Isolation then buys a log and the choice of when to reset, at the price of running on with lost writes.",
		.remedy = "daxctl prepare-isolation daxX.Y; or, if it must be System RAM, isolation first: daxctl prepare-isolation --mode=system-ram daxX.Y",
		.fails = check_memory_is_online,
	}, {
		.id = "ISO-MEMMAP", .kind = CHECK_UNSAFE, .caps_at = CONTAINMENT_DEBUG,
		.title = "the struct pages of the memory lie on the memory itself",
		.why = "With memmap_on_memory the kernel keeps the struct page array of hotplugged memory on that memory. When it fails the kernel's own data is gone, and the kernel panics on it or works with what it reads. It takes both the dax device's memmap_on_memory (the default for CXL from Linux 6.8 on) and the parameter memory_hotplug.memmap_on_memory.",
		.remedy = "daxctl prepare-isolation daxX.Y",
		.fails = check_memmap_is_inside,
	}, {
		.id = "ISO-PMEM", .kind = CHECK_UNSAFE, .caps_at = CONTAINMENT_CONTAIN,
		.title = "persistent memory is in use below the root port",
		.why = "In isolation writes are completed and dropped (CXL r3.2 sec 12.3), so what was reported as persistent is not. Without isolation the host resets instead, and what was written before is kept.",
		.remedy = "cxl disable-region regionN, which keeps its data; or accept the loss: --override=ISO-PMEM",
		.fails = check_is_persistent,
	}, {
		.id = "ISO-INTERLEAVE", .kind = CHECK_UNSAFE, .caps_at = CONTAINMENT_DEBUG,
		.title = "a region spans root ports that are not all being enabled",
		.why = "An isolated root port takes down every region that interleaves across it, the part on the other root ports included; one of them without isolation still resets the host, or drops writes of a region that goes on.",
		.remedy = "enable all root ports of the region in one command: cxl enable-isolation regionN",
		.fails = check_interleaves,
	}, {
		.id = "ISO-DEMOTION", .kind = CHECK_LIMIT, .caps_at = CONTAINMENT_DEBUG,
		.title = "memory is demoted to the memory below the root port",
		.why = "With demotion the kernel moves cold pages of any process to slower nodes (mm/vmscan.c), CXL memory that is online included: processes that never asked for it die with the port, or the kernel panics on their pages.",
		.remedy = "echo false > /sys/kernel/mm/numa/demotion_enabled",
		.fails = check_is_demoted_to,
	}, {
		.id = "ISO-DRIVER-PANIC", .kind = CHECK_LIMIT, .caps_at = CONTAINMENT_DEBUG,
		.title = "this kernel's isolation handler panics the host",
		.why = "The isolation series as posted (v1, 20250730214718.10679) panics for every type-3 device below the port, and when a second root port under the same host bridge is populated. It is recognised by timeout_range reading lower case or failing with ENXIO.",
		.remedy = "boot a kernel with a corrected isolation series",
		.fails = check_driver_panics,
	}, {
		.id = "ISO-CAP-INT", .kind = CHECK_LIMIT, .caps_at = CONTAINMENT_CONTAIN,
		.title = "the root port cannot signal that it is isolated",
		.why = "Interrupt and ERR_COR signalling are optional (CXL r3.2 sec 8.2.4.24, capability bits 26 and 25). Without either only the errors of what reads the memory tell; nobody notices dropped writes, and the kernel has no attributes for a port without interrupt.",
		.remedy = "none in software; notice an isolation by polling: cxl isolation-status --monitor",
		.fails = check_nothing_signals, .cannot_tell = check_capability_unknown,
	}, {
		.id = "ISO-MEMMAP-ROOM", .kind = CHECK_LIMIT, .caps_at = CONTAINMENT_CONTAIN,
		.title = "the rest of the system has no room for the struct pages",
		.why = "Each 4 KiB page needs a struct page of 64 bytes, 1/64 of the capacity. With memmap_on_memory off they come out of the system's other memory; where that is short the memory cannot be brought into use, nor back after a failure. What dax devices hold already does not count.",
		.remedy = "free some of the system's own memory, or put less CXL memory below the root port",
		.fails = check_has_no_room,
	}, {
		.id = "ISO-REGION-AUTO", .kind = CHECK_LIMIT, .caps_at = CONTAINMENT_CONTAIN,
		.title = "firmware made a region below the root port",
		.why = "After a failure the region has to be torn down and made anew by the driver. One that firmware assembled comes up online by default, may be locked, and its settings are not all known to the driver. No attribute says so: a locked decoder or an extended linear cache proves it, and lying inside Soft Reserved memory of the firmware map hints at it.",
		.remedy = "let the driver program the decoders: switch off in the firmware setup that firmware assembles CXL memory, and reboot; or, where the window has room for another region: cxl destroy-region -f regionN, then cxl create-region (for volatile memory of ndctl 77 or newer)",
		.fails = check_firmware_made,
	}, {
		.id = "ISO-REGION-LOCKED", .kind = CHECK_LIMIT, .caps_at = CONTAINMENT_CONTAIN,
		.title = "a region below the root port is locked",
		.why = "A locked decoder (CXL r3.2 sec 8.2.4.20, Lock On Commit) in the path of a region cannot be reset: writing 0 to the region's commit gives EPERM, so the port cannot be brought back without a reboot.",
		.remedy = "switch off in the firmware setup that firmware locks CXL decoders (or assembles CXL memory), and reboot",
		.fails = check_is_locked,
	}, {
		.id = "ISO-HOTPLUG", .kind = CHECK_LIMIT, .caps_at = CONTAINMENT_CONTAIN,
		.title = "nothing can take the link below the root port down",
		.why = "To leave isolation the link has to pass through Link Down (CXL r3.2 sec 12.3). By default a CXL port ignores Secondary Bus Reset and Link Disable (sec 8.1.5, DVSEC 3); then it takes slot power, the cxl_bus reset of the device directly below, or isolation that forces the link down. recover-port unmasks either for as long as it needs it, where the port lets it; that only trying tells, so it does not count here.",
		.remedy = "unmask Link Disable in DVSEC 3 of the port with setpci, or put the device into a slot that can be powered off",
		.fails = check_link_stays_up, .cannot_tell = check_link_ways_unknown,
	}, {
		.id = "ISO-SWITCH", .kind = CHECK_NOTE, .caps_at = CONTAINMENT_RECOVER,
		.title = "several endpoints below the root port fail together",
		.why = "Isolation acts on the root port: all that is below it is lost at once, whichever device or switch failed.",
		.remedy = "none needed; a device that must not fail with the others needs a root port of its own",
		.fails = check_has_switch,
	}, {
		.id = "ISO-DIRECT", .kind = CHECK_NOTE, .caps_at = CONTAINMENT_RECOVER,
		.title = "the host bridge has more than one endpoint",
		.why = "The first case that the kernel's maintainers accept is a device attached 1:1 to its host bridge and not interleaved. With more, decoders and errors are shared with neighbours.",
		.remedy = "none needed; where there is a choice of slots, give each device a host bridge of its own",
		.fails = check_is_not_direct,
	}, {
		.id = "ISO-AUTO-ONLINE", .kind = CHECK_NOTE, .caps_at = CONTAINMENT_RECOVER,
		.title = "the kernel would make the memory System RAM again",
		.why = "CXL memory is bound to kmem by default, and auto_online_blocks says that blocks added so go online at once: after a replug or a reboot the memory is System RAM (ISO-MEM-ONLINE), whatever it is now.",
		.remedy = "daxctl prepare-isolation --persist memN; or for any memory, not CXL's alone: memhp_default_state=offline on the kernel command line",
		.fails = check_would_go_online,
	}, {
		.id = "ISO-TYPE2", .kind = CHECK_NOTE, .caps_at = CONTAINMENT_RECOVER,
		.title = "a device below the root port belongs to a driver of its own",
		.why = "Type-1 and type-2 devices are not run by cxl_pci but by their vendor's driver. Only that driver knows what the device needs after its link was lost, and its regions cannot be torn down behind its back.",
		.remedy = "ask the vendor whether the driver handles a lost link; how the device can be reset: cat /sys/bus/pci/devices/ADDRESS/reset_method",
		.fails = check_is_driver_owned,
	}, {
		.id = "ISO-KERNEL-CFG", .kind = CHECK_NOTE, .caps_at = CONTAINMENT_RECOVER,
		.title = "the CXL core is a module",
		.why = "The isolation series as posted is driven by the PCI Express port driver, which is built in, and so needs the CXL core built into the kernel as well (CXL_BUS=PCIEPORTBUS). With a modular core there are no isolation attributes.",
		.remedy = "build the kernel with CONFIG_CXL_BUS=y, CONFIG_CXL_PORT=y and CONFIG_CXL_ISOLATION=y",
		.fails = check_core_is_module,
	},
};
const size_t n_checks = sizeof(checks) / sizeof(checks[0]);

const struct check outcomes[] = {
	{
		.id = "ISO-FW-OWNED", .kind = CHECK_OUTCOME, .caps_at = CONTAINMENT_NONE,
		.title = "a write was accepted and did not stick",
		.why = "Firmware may keep control of the isolation enable (_OSC, expected in CXL 4.0): the kernel then accepts the write and the port stays as it is. Nothing in sysfs tells it beforehand; reading back does.",
		.remedy = "look for a setting of CXL isolation in the firmware setup, or ask the platform's vendor to grant the operating system control of it",
	},
};
const size_t n_outcomes = sizeof(outcomes) / sizeof(outcomes[0]);
