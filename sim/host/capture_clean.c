// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a capture must not tell: see capture.h.  Whole files and directories are
 * left out by capture.c; here is what is taken out of those that are kept.
 */
#include <errno.h>
#include <fnmatch.h>
#include <string.h>

#include "sim/host/capture.h"
#include "util/array.h"
#include "util/cleanup.h"
#include "util/parse.h"

enum {
	EXT_CAP_FIRST = 0x100,
	EXT_CAP_SERIAL = 0x0003,	/* Device Serial Number, PCIe r6.0 7.9.3 */
	EXT_CAP_DVSEC = 0x0023,		/* PCIe r6.0 7.9.6 */
	EXT_CAP_MAX = 960,		/* more capabilities than config space can hold */
	VENDOR_CXL = 0x1e98,
};

/* Parameters of the kernel's command line that decide how memory is used. */
static const char *const parameters[] = {
	"memmap=*", "mem=*", "efi=*", "efi_fake_mem=*", "memhp_default_state=*", "memory_hotplug.*", "cxl*", "numa*",
};

static uint32_t dword(const struct node *config, size_t at)
{
	const unsigned char *b = (const unsigned char *)config->data;

	if (at + 4 > config->len)
		return 0;
	return (uint32_t)b[at] | (uint32_t)b[at + 1] << 8 | (uint32_t)b[at + 2] << 16 |
	       (uint32_t)b[at + 3] << 24;
}

/* The first extended capability @id at or behind @at, 0 when there is none. */
static size_t find_extended(const struct node *config, uint32_t id, size_t at)
{
	for (int i = 0; at && i < EXT_CAP_MAX; i++) {
		uint32_t head = dword(config, at);

		if (!head || head == UINT32_MAX)
			return 0;
		if ((head & 0xffff) == id)
			return at;
		at = head >> 20 & 0xffc;
	}
	return 0;
}

static size_t next_extended(const struct node *config, size_t at)
{
	return dword(config, at) >> 20 & 0xffc;
}

/* CXL's first DVSEC at or behind @at */
static size_t cxl_dvsec(const struct node *config, size_t at)
{
	at = at ? find_extended(config, EXT_CAP_DVSEC, at) : 0;
	while (at && (dword(config, at + 4) & 0xffff) != VENDOR_CXL) {
		at = next_extended(config, at);
		at = at ? find_extended(config, EXT_CAP_DVSEC, at) : 0;
	}
	return at;
}

bool capture_is_cxl(const struct node *config)
{
	return cxl_dvsec(config, EXT_CAP_FIRST);
}

/* A network card's is its MAC address. */
static void clean_config(struct node *config)
{
	size_t at = find_extended(config, EXT_CAP_SERIAL, EXT_CAP_FIRST);

	if (at && at + 12 <= config->len && !capture_is_cxl(config))
		memset(config->data + at + 4, 0, 8);
}

static int clean_cmdline(struct node *node)
{
	_cleanup_free_ char *copy = strdup(node->data), *kept = calloc(1, node->len + 2);
	char *save = NULL;

	if (!copy || !kept)
		return -ENOMEM;
	for (char *word = strtok_r(copy, " \n", &save); word; word = strtok_r(NULL, " \n", &save)) {
		for (size_t i = 0; i < ARRAY_SIZE(parameters); i++) {
			if (fnmatch(parameters[i], word, 0))
				continue;
			if (*kept)
				strcat(kept, " ");
			strcat(kept, word);
			break;
		}
	}
	strcat(kept, "\n");
	return node_set_data(node, kept, strlen(kept));
}

/* "Linux version 6.12.0 (who@where) (compiler)": who and where are nobody's business. */
static int clean_version(struct node *node)
{
	char *open = strchr(node->data, '('), *close = open ? strchr(open, ')') : NULL;

	if (!close || !memchr(open, '@', (size_t)(close - open)))
		return 0;
	memmove(open + 1, close, strlen(close) + 1);
	node->len = strlen(node->data);
	return 0;
}

/* Root sees where each module is loaded. */
static void clean_modules(struct node *node)
{
	for (char *p = node->data; (p = strstr(p, " 0x")); p++) {
		for (char *digit = p + 3; strchr("0123456789abcdef", *digit) && *digit; digit++)
			*digit = '0';
	}
}

/* Which processor it is, of the first one; the rest of it tells of the machine's size,
 * its microcode and its flaws. */
static int clean_cpuinfo(struct node *node)
{
	static const char *const fields[] = { "processor", "vendor_id", "cpu family", "model", "model name" };
	_cleanup_free_ char *copy = strdup(node->data), *kept = calloc(1, node->len + 16);
	char *save = NULL, *end;

	if (!copy || !kept)
		return -ENOMEM;
	end = strstr(copy, "\n\n");
	if (end)
		*end = '\0';
	for (char *line = strtok_r(copy, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		size_t n = strcspn(line, "\t:");

		for (size_t i = 0; i < ARRAY_SIZE(fields); i++)
			if (strlen(fields[i]) == n && !strncmp(fields[i], line, n))
				sprintf(kept + strlen(kept), "%s\n", line);
		if (n == strlen("flags") && !strncmp(line, "flags", n))
			sprintf(kept + strlen(kept), "flags\t\t:%s\n", has_word(line, strlen(line), "hypervisor") ? " hypervisor" : "");
	}
	strcat(kept, "\n");
	return node_set_data(node, kept, strlen(kept));
}

int capture_clean(struct node *node, const char *path)
{
	if (!strcmp(node->name, "config") && !strncmp(path, "sys/", 4))
		clean_config(node);
	else if (!strcmp(path, "proc/cmdline"))
		return clean_cmdline(node);
	else if (!strcmp(path, "proc/version"))
		return clean_version(node);
	else if (!strcmp(path, "proc/cpuinfo"))
		return clean_cpuinfo(node);
	else if (!strcmp(path, "proc/modules"))
		clean_modules(node);
	return 0;
}
