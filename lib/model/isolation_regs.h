/* SPDX-License-Identifier: GPL-2.0-only */
/* The registers of CXL.mem / CXL.cache Timeout & Isolation, CXL r3.2 sec 8.2.4.24, bit by bit. */
#ifndef CXL_ISOLATION_REGS_H
#define CXL_ISOLATION_REGS_H

/* Offsets of control and status in the capability, CXL r3.2 sec 8.2.4.24 */
#define ISO_CTRL_OFFSET 0x8
#define ISO_STATUS_OFFSET 0xc

/* Capability (00h), CXL r3.2 sec 8.2.4.24.1 */
#define ISO_CAP_MEM_RANGES(cap) ((cap) & 0xf)
#define ISO_CAP_MEM_TIMEOUT (1u << 4)
#define ISO_CAP_CACHE_RANGES(cap) ((cap) >> 8 & 0xf)
#define ISO_CAP_CACHE_TIMEOUT (1u << 12)
#define ISO_CAP_MEM_ISOLATION (1u << 16)
#define ISO_CAP_MEM_LINK_DOWN (1u << 17)
#define ISO_CAP_CACHE_ISOLATION (1u << 18)
#define ISO_CAP_CACHE_LINK_DOWN (1u << 19)
#define ISO_CAP_ERR_COR (1u << 25)
#define ISO_CAP_INTERRUPT (1u << 26)
#define ISO_CAP_INTERRUPT_NUMBER(cap) ((cap) >> 27 & 0x1f)

/* Control (08h), sec 8.2.4.24.2 */
#define ISO_CTRL_MEM_RANGE(ctrl) ((ctrl) & 0xf)
#define ISO_CTRL_MEM_TIMEOUT (1u << 4)
#define ISO_CTRL_CACHE_RANGE(ctrl) ((ctrl) >> 8 & 0xf)
#define ISO_CTRL_CACHE_TIMEOUT (1u << 12)
#define ISO_CTRL_MEM_ISOLATION (1u << 16)
#define ISO_CTRL_MEM_LINK_DOWN (1u << 17)
#define ISO_CTRL_CACHE_ISOLATION (1u << 18)
#define ISO_CTRL_CACHE_LINK_DOWN (1u << 19)
#define ISO_CTRL_ERR_COR (1u << 25)
#define ISO_CTRL_INTERRUPT (1u << 26)

/* Status (0Ch), sec 8.2.4.24.3 */
#define ISO_STATUS_MEM_TIMEOUT (1u << 0)
#define ISO_STATUS_CACHE_TIMEOUT (1u << 4)
#define ISO_STATUS_MEM_ISOLATION (1u << 8)
#define ISO_STATUS_MEM_LINK_DOWN (1u << 9)
#define ISO_STATUS_CACHE_ISOLATION (1u << 12)
#define ISO_STATUS_CACHE_LINK_DOWN (1u << 13)
#define ISO_STATUS_BUSY (1u << 14)	/* valid only while a protocol is isolated */
#define ISO_STATUS_ISOLATED (ISO_STATUS_MEM_ISOLATION | ISO_STATUS_CACHE_ISOLATION)
/* written as 1 to clear them: all but Busy */
#define ISO_STATUS_RW1C (ISO_STATUS_ISOLATED | ISO_STATUS_MEM_TIMEOUT | ISO_STATUS_CACHE_TIMEOUT | \
			 ISO_STATUS_MEM_LINK_DOWN | ISO_STATUS_CACHE_LINK_DOWN)

#endif
