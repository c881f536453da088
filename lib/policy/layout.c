// SPDX-License-Identifier: GPL-2.0-only
/* The sections [region NAME] and [dax NAME] of the policy file, setting by setting: see layout.h. */
#include "lib/policy/layout.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "lib/model/dax.h"
#include "lib/policy/policy_text.h"
#include "util/parse.h"
#include "util/size.h"

const char *const layout_mode_names[N_LAYOUT_MODES] = {
	[LAYOUT_DEVDAX] = "devdax", [LAYOUT_SYSTEM_RAM] = "system-ram", [LAYOUT_FAMFS] = "famfs",
};
const char *const layout_mode_drivers[N_LAYOUT_MODES] = {
	[LAYOUT_DEVDAX] = DAX_DEVICE_DAX_NAME,
	[LAYOUT_SYSTEM_RAM] = DAX_KMEM_NAME,
	[LAYOUT_FAMFS] = DAX_FSDEV_NAME,
};

static const struct policy_word modes[] = {
	{ "devdax", LAYOUT_DEVDAX }, { "system-ram", LAYOUT_SYSTEM_RAM }, { "famfs", LAYOUT_FAMFS }, { 0 }
};

/* A setting, and the section that it is for. */
struct setting {
	const char *file;
	const struct ini_line *line;
	struct layout_region *region;
	struct layout_dax *dax;
};

struct layout_key {
	const char *name;
	int (*parse)(const struct setting *s, struct err *err);
};

#define REFUSE(s, err, ...) policy_refuse((s)->file, (s)->line->number, err, __VA_ARGS__)

/* Text of the file, in the buffer char shown[64] of a parser. */
#define SHOWN(text) printable(text, shown, sizeof(shown))

/* --- [region NAME] ---------------------------------------------------------------- */

/* A PCI address, alone behind @text's blanks. */
static bool take_address(const char *text, uint64_t *ret)
{
	return parse_pci_address(text + strspn(text, " \t"), ret);
}

static bool has_memdev(const struct layout_region *r, const struct layout_memdev *m)
{
	for (size_t i = 0; i < r->n_memdevs; i++)
		if (r->memdevs[i].by_address == m->by_address && r->memdevs[i].key == m->key)
			return true;
	return false;
}

static int take_memdev(const struct setting *s, const char *word, bool by_address, struct err *err)
{
	struct layout_memdev m = { .by_address = by_address };
	struct layout_region *r = s->region;
	char shown[64];

	if (by_address && !parse_pci_address(word, &m.key))
		return REFUSE(s, err, "memdevs: '%s' behind pci is no PCI address, as in pci 0000:0d:00.0", SHOWN(word));
	if (!by_address && parse_u64(word, &m.key))
		return REFUSE(s, err, "memdevs: '%s' is no serial number; use serial numbers, pci 0000:0d:00.0, or all of root port 0000:0c:00.0", SHOWN(word));
	if (!by_address && !m.key)
		return REFUSE(s, err, "memdevs: 0 is no serial number, but that of every device without one; name the device by its PCI address, as in pci 0000:0d:00.0");
	if (has_memdev(r, &m))
		return REFUSE(s, err, "memdevs: '%s' is named twice, and a device has one position in a region", SHOWN(word));
	if (r->n_memdevs == LAYOUT_MAX_WAYS)
		return REFUSE(s, err, "memdevs: a region has at most %d memory devices", LAYOUT_MAX_WAYS);
	r->memdevs[r->n_memdevs++] = m;
	return 0;
}

/* Serial numbers and PCI addresses with blanks or commas between them. */
static int parse_memdevs(const struct setting *s, struct err *err)
{
	static const char all[] = "all of root port ", between[] = " \t,";
	const char *at = s->line->value;
	bool by_address = false;
	char word[64], shown[64];
	int rc = 0;

	if (!strncmp(at, all, sizeof(all) - 1))
		return take_address(at + sizeof(all) - 1, &s->region->root_port) ? 0 :
			REFUSE(s, err, "memdevs: '%s' is no PCI address of a root port, as in all of root port 0000:0c:00.0", SHOWN(at + sizeof(all) - 1));
	for (at += strspn(at, between); !rc && *at; at += strspn(at, between)) {
		size_t n = strcspn(at, between);

		snprintf(word, sizeof(word), "%.*s", n < sizeof(word) ? (int)n : 63, at);
		at += n;
		if (!by_address && !strcmp(word, "pci")) {
			by_address = true;
			continue;
		}
		rc = take_memdev(s, word, by_address, err);
		by_address = false;
	}
	if (!rc && (by_address || !s->region->n_memdevs))
		return REFUSE(s, err, by_address ? "memdevs: behind pci stands no PCI address" :
			      "memdevs names no memory device; use serial numbers, pci 0000:0d:00.0, or all of root port 0000:0c:00.0");
	return rc;
}

/* CXL r3.2 sec 8.2.4.20.7 */
static bool is_ways(uint64_t v)
{
	return v && v <= LAYOUT_MAX_WAYS && (!(v & (v - 1)) || v == 3 || v == 6 || v == 12);
}

static int parse_ways(const struct setting *s, struct err *err)
{
	char shown[64];
	uint64_t v;

	if (parse_u64(s->line->value, &v) || !is_ways(v))
		return REFUSE(s, err, "'%s' is not a value of ways: use 1, 2, 3, 4, 6, 8, 12 or 16", SHOWN(s->line->value));
	s->region->ways = (unsigned int)v;
	return 0;
}

static int parse_granularity(const struct setting *s, struct err *err)
{
	uint64_t v;
	char shown[64];

	if (size_parse(s->line->value, &v) || v < 256 || v > 16384 || v & (v - 1))
		return REFUSE(s, err, "'%s' is not a value of granularity: use 256, 512, 1024, 2048, 4096, 8192 or 16384", SHOWN(s->line->value));
	s->region->granularity = v;
	return 0;
}

static int parse_region_size(const struct setting *s, struct err *err)
{
	struct layout_amount *size = &s->region->size;
	char shown[64];

	size->kind = strcmp(s->line->value, "max") ? AMOUNT_BYTES : AMOUNT_ALL;
	if (size->kind == AMOUNT_BYTES && (size_parse(s->line->value, &size->v) || !size->v))
		return REFUSE(s, err, "'%s' is no size of a region: use a number of bytes, as in 16GiB, or max", SHOWN(s->line->value));
	return 0;
}

static int parse_decoder(const struct setting *s, struct err *err)
{
	const char *rest = s->line->value, start[] = "decoder";
	char shown[64];
	size_t n, m;

	n = !strncmp(rest, start, sizeof(start) - 1) ? strspn(rest + 7, "0123456789") : 0;
	m = n && rest[7 + n] == '.' ? strspn(rest + 8 + n, "0123456789") : 0;
	if (!m || rest[8 + n + m])
		return REFUSE(s, err, "'%s' is no name of a root decoder, as in decoder0.0", SHOWN(rest));
	s->region->decoder = rest;
	return 0;
}

static int parse_type(const struct setting *s, struct err *err)
{
	static const struct policy_word types[] = { { "ram", 0 }, { "pmem", 1 }, { 0 } };
	int persistent;
	int rc = policy_take_word(s->file, s->line, types, &persistent, err);

	if (rc || !persistent)
		return rc;
	return REFUSE(s, err, "type = pmem: only volatile regions are made by a policy, since what is in a persistent one would be lost; make it with 'cxl create-region', and leave [region %s] out",
		      s->region->name);
}

static const struct layout_key region_keys[N_REGION_KEYS] = {
	[REGION_MEMDEVS] = { "memdevs", parse_memdevs }, [REGION_WAYS] = { "ways", parse_ways },
	[REGION_GRANULARITY] = { "granularity", parse_granularity }, [REGION_SIZE] = { "size", parse_region_size },
	[REGION_DECODER] = { "decoder", parse_decoder }, [REGION_TYPE] = { "type", parse_type },
};

/* --- [dax NAME] -------------------------------------------------------------------- */

static int parse_dax_region(const struct setting *s, struct err *err)
{
	(void)err;
	s->dax->region_name = s->line->value;
	return 0;
}

static bool take_percent(const char *text, uint64_t *ret)
{
	char digits[8];
	size_t n = strlen(text);

	if (n < 2 || n > sizeof(digits) || text[n - 1] != '%')
		return false;
	snprintf(digits, sizeof(digits), "%.*s", (int)(n - 1), text);
	return !parse_u64(digits, ret) && *ret && *ret <= 100;
}

static int parse_dax_size(const struct setting *s, struct err *err)
{
	struct layout_amount *size = &s->dax->size;
	const char *text = s->line->value;
	char shown[64];

	if (!strcmp(text, "rest")) {
		size->kind = AMOUNT_ALL;
	} else if (strchr(text, '%')) {
		size->kind = AMOUNT_PERCENT;
		if (!take_percent(text, &size->v))
			return REFUSE(s, err, "'%s' is no part of a region: use 1%% to 100%%, whole numbers", SHOWN(text));
	} else if (size_parse(text, &size->v) || !size->v) {
		return REFUSE(s, err, "'%s' is no size of a dax device: use a number of bytes, as in 4GiB, 25%%, or rest", SHOWN(text));
	}
	return 0;
}

static int parse_align(const struct setting *s, struct err *err)
{
	char shown[64];

	if (size_parse(s->line->value, &s->dax->align) ||
	    (s->dax->align != LAYOUT_DAX_ALIGN && s->dax->align != 1 << 30))
		return REFUSE(s, err, "'%s' is not a value of align: use 2MiB or 1GiB", SHOWN(s->line->value));
	return 0;
}

static int parse_mode(const struct setting *s, struct err *err)
{
	int mode = 0, rc = policy_take_word(s->file, s->line, modes, &mode, err);

	s->dax->mode = (enum layout_mode)mode;
	return rc;
}

/* A name as useradd(8) takes it, or a number. */
static bool is_account(const char *text)
{
	uint64_t id;
	size_t n = 0;

	if (isdigit((unsigned char)*text))
		return !parse_u64(text, &id) && id < UINT32_MAX;
	while (isalnum((unsigned char)text[n]) || (text[n] && strchr("_.-", text[n])))
		n++;
	return n && n <= 32 && *text != '-' && *text != '.' && !text[n + (text[n] == '$')];
}

static int take_account(const struct setting *s, const char **ret, struct err *err)
{
	char shown[64];

	if (!is_account(s->line->value))
		return REFUSE(s, err, "'%s' is no %s: use a name or a number", SHOWN(s->line->value), s->line->key);
	*ret = s->line->value;
	return 0;
}

static int parse_owner(const struct setting *s, struct err *err)
{
	return take_account(s, &s->dax->owner, err);
}

static int parse_group(const struct setting *s, struct err *err)
{
	return take_account(s, &s->dax->group, err);
}

static int parse_file_mode(const struct setting *s, struct err *err)
{
	const char *text = s->line->value;
	size_t n = strspn(text, "01234567");
	char shown[64];

	if (n < 3 || text[n] || n > 4 || (n == 4 && *text != '0'))
		return REFUSE(s, err, "'%s' is no file mode: use three octal digits, as in 0660", SHOWN(text));
	s->dax->file_mode = (int)strtol(text, NULL, 8);
	return 0;
}

static const struct layout_key dax_keys[N_DAX_KEYS] = {
	[DAX_REGION] = { "region", parse_dax_region }, [DAX_SIZE] = { "size", parse_dax_size },
	[DAX_ALIGN] = { "align", parse_align }, [DAX_MODE] = { "mode", parse_mode },
	[DAX_OWNER] = { "owner", parse_owner }, [DAX_GROUP] = { "group", parse_group },
	[DAX_FILE_MODE] = { "file-mode", parse_file_mode },
};

/* --- sections and settings ----------------------------------------------------------- */

/* The name behind @kind, NULL where @section is of another. */
static const char *name_of(const char *section, const char *kind)
{
	size_t n = strlen(kind);

	if (strncmp(section, kind, n) || (section[n] && section[n] != ' ' && section[n] != '\t'))
		return NULL;
	return section + n + strspn(section + n, " \t");
}

bool layout_has_section(const char *name)
{
	return name_of(name, "region") || name_of(name, "dax");
}

int layout_init(struct layout *l, const char *file, size_t n, struct arena *a)
{
	*l = (struct layout){ .file = file };
	l->regions = arena_alloc(a, n, sizeof(*l->regions));
	l->dax = arena_alloc(a, n, sizeof(*l->dax));
	return l->regions && l->dax ? 0 : -ENOMEM;
}

/* It becomes a file's name, and a name in a virtual machine, also in a comment of XML. */
static int check_name(const char *file, const struct ini_line *line, const char *kind,
		      const char *name, struct err *err)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyz0123456789-_.";
	size_t n = strlen(name);
	char shown[64];

	if (!n)
		return policy_refuse(file, line->number, err, "[%s] has no name: give it one, as in [%s vm1]", kind, kind);
	if (policy_name_is_unstable(name))
		return policy_refuse(file, line->number, err, "[%s %s]: such numbers change between boots; use a name of your own, as in [%s vm1]", kind,
				     SHOWN(name), kind);
	if (n > LAYOUT_NAME_MAX || name[strspn(name, letters)] || !isalpha((unsigned char)*name) ||
	    strstr(name, "--"))
		return policy_refuse(file, line->number, err, "[%s %s]: a name is a letter and at most %d letters, digits, '-' (not two), '_' and '.' behind it, in lower case", kind,
				     SHOWN(name), LAYOUT_NAME_MAX - 1);
	return 0;
}

static int refuse_second(const struct layout *l, const struct ini_line *line, unsigned int first,
			 struct err *err)
{
	return policy_refuse(l->file, line->number, err, "[%s] is there in line %u already; use another name", line->section, first);
}

static int begin_region(struct layout *l, const struct ini_line *line, const char *name,
			struct layout_section *ret, struct err *err)
{
	for (size_t i = 0; i < l->n_regions; i++)
		if (!strcmp(l->regions[i].name, name))
			return refuse_second(l, line, l->regions[i].line, err);
	ret->region = &l->regions[l->n_regions++];
	*ret->region = (struct layout_region){ .name = name, .line = line->number, .size.kind = AMOUNT_ALL };
	return 0;
}

static int begin_dax(struct layout *l, const struct ini_line *line, const char *name,
		     struct layout_section *ret, struct err *err)
{
	for (size_t i = 0; i < l->n_dax; i++)
		if (!strcmp(l->dax[i].name, name))
			return refuse_second(l, line, l->dax[i].line, err);
	ret->dax = &l->dax[l->n_dax++];
	*ret->dax = (struct layout_dax){
		.name = name, .line = line->number, .align = LAYOUT_DAX_ALIGN, .file_mode = -1,
	};
	return 0;
}

int layout_begin(struct layout *l, const struct ini_line *line, struct layout_section *ret,
		 struct err *err)
{
	const char *region = name_of(line->section, "region"), *dax = name_of(line->section, "dax");
	int rc = check_name(l->file, line, region ? "region" : "dax", region ? region : dax, err);

	*ret = (struct layout_section){ 0 };
	if (rc)
		return rc;
	return region ? begin_region(l, line, region, ret, err) : begin_dax(l, line, dax, ret, err);
}

static int refuse_key(const struct layout *l, const struct ini_line *line, const char *kind,
		      const struct layout_key *keys, size_t n_keys, struct err *err)
{
	char known[160] = "", shown[64];
	size_t n = 0;

	for (size_t k = 0; k < n_keys && n < sizeof(known); k++)
		n += (size_t)snprintf(known + n, sizeof(known) - n, "%s%s", !k ? "" : k + 1 == n_keys ? " and " : ", ", keys[k].name);
	return policy_refuse(l->file, line->number, err, "unknown key '%s': the keys of a [%s] are %s", SHOWN(line->key), kind, known);
}

int layout_set(const struct layout *l, const struct ini_line *line, const struct layout_section *s,
	       struct err *err)
{
	const struct setting setting = { l->file, line, s->region, s->dax };
	const struct layout_key *keys = s->region ? region_keys : dax_keys;
	size_t n = s->region ? N_REGION_KEYS : N_DAX_KEYS, k = 0;
	unsigned int *lines = s->region ? s->region->lines : s->dax->lines;

	while (k < n && strcmp(keys[k].name, line->key))
		k++;
	if (k == n)
		return refuse_key(l, line, s->region ? "region" : "dax", keys, n, err);
	if (lines[k])
		return policy_refuse(l->file, line->number, err, "%s was set in line %u already", keys[k].name, lines[k]);
	lines[k] = line->number;
	return keys[k].parse(&setting, err);
}

/* --- the whole of it ------------------------------------------------------------------- */

static int end_region(const struct layout *l, struct layout_region *r, struct err *err)
{
	unsigned int ways = r->n_memdevs ? (unsigned int)r->n_memdevs : r->ways;
	uint64_t unit = (uint64_t)LAYOUT_REGION_ALIGN * (ways ? ways : 1);

	if (!r->lines[REGION_MEMDEVS])
		return policy_refuse(l->file, r->line, err, "[region %s] does not say of which memory devices it is made: add memdevs, as in memdevs = 0x1001", r->name);
	if (r->ways && r->ways != ways)
		return policy_refuse(l->file, r->lines[REGION_WAYS], err, "ways = %u contradicts memdevs in line %u, which names %u; leave ways out, or name as many", r->ways,
				     r->lines[REGION_MEMDEVS], ways);
	if (ways && !is_ways(ways))
		return policy_refuse(l->file, r->lines[REGION_MEMDEVS], err, "memdevs names %u memory devices, and no region is interleaved so: 1, 2, 3, 4, 6, 8, 12 or 16 can be", ways);
	if (r->size.kind == AMOUNT_BYTES && r->size.v % unit)
		return policy_refuse(l->file, r->lines[REGION_SIZE], err, "size: a region of %u %s takes a multiple of %llu MiB", ways ? ways : 1,
				     ways > 1 ? "memory devices" : "memory device", (unsigned long long)unit >> 20);
	return 0;
}

static int end_dax(const struct layout *l, struct layout_dax *d, struct err *err)
{
	static const enum layout_dax_key needed[] = { DAX_REGION, DAX_SIZE };
	char shown[64];
	size_t i = 0;

	for (size_t k = 0; k < sizeof(needed) / sizeof(needed[0]); k++)
		if (!d->lines[needed[k]])
			return policy_refuse(l->file, d->line, err, "[dax %s] lacks %s, as in %s", d->name, dax_keys[needed[k]].name,
					     needed[k] == DAX_SIZE ? "size = 4GiB, size = 25% or size = rest" : "region = NAME, of a section [region NAME]");
	while (i < l->n_regions && strcasecmp(l->regions[i].name, d->region_name))
		i++;
	if (i == l->n_regions)
		return policy_refuse(l->file, d->lines[DAX_REGION], err, "region = %s: the file has no [region %s]", SHOWN(d->region_name), shown);
	d->region = i;
	if (d->size.kind == AMOUNT_BYTES && d->size.v % d->align)
		return policy_refuse(l->file, d->lines[DAX_SIZE], err, "[dax %s]: size: %llu bytes are no multiple of the device's align, %llu MiB",
				     d->name, (unsigned long long)d->size.v,
				     (unsigned long long)d->align >> 20);
	return 0;
}

/* What the devices of one region say together. */
static int end_sizes(const struct layout *l, size_t region, struct err *err)
{
	const struct layout_dax *rest = NULL;
	uint64_t percent = 0;

	for (size_t i = 0; i < l->n_dax; i++) {
		const struct layout_dax *d = &l->dax[i];

		if (d->region != region)
			continue;
		if (d->size.kind == AMOUNT_ALL && rest)
			return policy_refuse(l->file, d->lines[DAX_SIZE], err, "size = rest stands in line %u already, of the same region; it can be so of one device", rest->lines[DAX_SIZE]);
		rest = d->size.kind == AMOUNT_ALL ? d : rest;
		percent += d->size.kind == AMOUNT_PERCENT ? d->size.v : 0;
		if (percent > 100)
			return policy_refuse(l->file, d->lines[DAX_SIZE], err, "size: the devices of [region %s] are %llu%% of it together by here; 100%% is all there is",
					     l->regions[region].name, (unsigned long long)percent);
	}
	return 0;
}

int layout_end(struct layout *l, struct err *err)
{
	int rc = 0;

	for (size_t i = 0; !rc && i < l->n_regions; i++)
		rc = end_region(l, &l->regions[i], err);
	for (size_t i = 0; !rc && i < l->n_dax; i++)
		rc = end_dax(l, &l->dax[i], err);
	for (size_t i = 0; !rc && i < l->n_regions; i++)
		rc = end_sizes(l, i, err);
	return rc;
}
