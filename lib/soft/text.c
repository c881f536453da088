// SPDX-License-Identifier: GPL-2.0-only
/*
 * Sentences about a range, for a person: what is the matter and what to do.
 * One table; the words in braces are filled with this host's names.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "lib/soft/internal.h"
#include "util/size.h"

/*
 * Not modprobe.blacklist=: dax_hmem loads cxl_acpi by its name, which a blacklist
 * does not stop (measured on 6.12 and 7.2).  Built in, drivers/cxl/acpi.c.
 */
#define WITHOUT_CXL "'module_blacklist=cxl_acpi' ('initcall_blacklist=cxl_acpi_init' where it is built into the kernel)"

static const struct {
	const char *text, *remedy;
} sentences[N_SOFT_CLASSES] = {
	[SOFT_NOT_CXL] = {
		"no CXL window is over it (memory such as HBM), and dax_hmem owns it through {dax}", NULL },
	[SOFT_NOT_CXL_UNCLAIMED] = {
		"no CXL window is over it, and {stranded} of it belongs to nobody: the kernel keeps it out of the page allocator and no driver took it",
		"load dax_hmem ('modprobe dax_hmem'{dax_hmem}) and look for hmem in dmesg; if it is CXL memory, the firmware lacks a window for it in the CEDT" },
	[SOFT_SR_OVERRIDDEN] = {
		"it is in use as ordinary System RAM{why}, so firmware's wish to keep it apart is not followed; nothing is lost",
		"to manage it as CXL or dax memory boot without efi=nosoftreserve and memmap=, and with a kernel that has CONFIG_EFI_SOFT_RESERVE" },
	[SOFT_STRADDLE_RAM] = {
		"{uncovered} of it lies outside of the CXL windows ({windows}) and System RAM is in it or right beside it: Linux cannot understand this platform's memory map",
		"ask the platform vendor for firmware whose Soft Reserved ranges lie inside its CXL windows; until then boot with " WITHOUT_CXL ", so that dax_hmem takes the memory" },
	[SOFT_STRADDLE_GAP] = {
		"{uncovered} of it lies outside of the CXL windows ({windows}): the firmware's memory map and its CXL windows do not belong together",
		"ask the platform vendor for firmware whose Soft Reserved ranges lie inside its CXL windows; until then boot with " WITHOUT_CXL ", so that dax_hmem takes the memory" },
	[SOFT_RAM_COLLISION] = {
		"it lies inside {windows}, but a part of it is in use as ordinary System RAM",
		"remove memmap= from the kernel's command line if it is there; else set the firmware's CXL memory mode to one that leaves all of the memory Soft Reserved (none called 'legacy'), or ask the vendor" },
	[SOFT_DOUBLE_CLAIM] = {
		"both CXL ({regions}) and dax_hmem claim the same memory ({dax})",
		"take dax_hmem's claim away before any data is written: 'daxctl reconfigure-device -f -m devdax {hmem}', 'daxctl disable-device {hmem}', 'daxctl destroy-device {hmem}'; or CXL's, by booting with " WITHOUT_CXL ", not by destroying the region below dax_hmem; kernel 7.1 and newer let one owner win" },
	[SOFT_CXL_OWNED] = { "CXL owns all of it: {regions}, used through {dax}", NULL },
	[SOFT_CXL_OWNED_TILED] = {
		"CXL owns all of it, but only by several regions together ({regions}): a part that the kernel decides about as a whole lies in none of them alone",
		"kernel 7.1 and newer give such memory to dax_hmem at boot: make one region of it, or expect the fallback" },
	[SOFT_REGION_NO_DAX] = {
		"{regions} holds it, but no dax device was made of it, so nobody can use it",
		"load dax_cxl ('modprobe dax_cxl'{dax_cxl}) and enable the region ('cxl enable-region {region}'); dmesg says why its driver did not bind" },
	[SOFT_FALLBACK_HMEM] = {
		"CXL assembled no region in {windows}, so dax_hmem owns it through {dax}: it can be used, but CXL does not manage it",
		"look for cxl in dmesg to see why no region was assembled; if this is as wanted, say --allow-fallback" },
	[SOFT_NO_OWNER] = {
		"it lies inside {windows}, but {stranded} of it has neither a region nor a dax_hmem device: the memory is there and Linux does not use it",
		"if the region was removed on purpose, nothing; else make one ('cxl create-region -t ram -d {window}', ndctl 77 or newer) or look for cxl in dmesg; booting with " WITHOUT_CXL " gives the memory to dax_hmem on every kernel" },
	[SOFT_MIXED_UNITS] = {
		"only parts of it belong to CXL ({regions}); {rest}",
		"look for cxl in dmesg to see which region was not assembled, or has no dax device ('modprobe dax_cxl' and 'cxl enable-region' make one of a region that is there); " WITHOUT_CXL " gives all of the memory to dax_hmem" },
	[SOFT_REGION_MISFIT] = {
		"{regions} covers only a part of it; {rest}",
		"make one region as big as the range (firmware setup; for a region made by hand 'cxl disable-region {region}', 'cxl destroy-region {region}', then 'cxl create-region -t ram -d {window}', ndctl 77 or newer), or boot with " WITHOUT_CXL ", so that dax_hmem takes the memory" },
};

static const struct {
	const char *text, *remedy;
} doubts[] = {
	[DOUBT_WINDOWS] = {
		"it cannot be judged: where the CXL windows are is not known",
		"run the command as root" },
	[DOUBT_REGIONS] = {
		"it cannot be judged: where {hidden} lies is not known",
		"run the command as root; if it says the same, look for cxl in dmesg" },
	[DOUBT_DAX] = {
		"it cannot be judged: what memory the dax devices have is not known",
		"run the command as root" },
	[DOUBT_RAM] = {
		"it cannot be judged: /proc/iomem cannot be used, so parts of it may be System RAM",
		"run the command as root, or record the host again as root" },
	[DOUBT_SRAT] = {
		"it cannot be judged: several regions have it together ({regions}), and whether the kernel decides about each of them apart is in the SRAT, which cannot be read",
		"run the command as root" },
	[DOUBT_UNITS] = {
		"it cannot be judged: several regions have it together ({regions}), and where one CXL window ends and the next begins is not known",
		"run the command as root" },
	[DOUBT_ONLY_FIRMWARE] = {
		"it cannot be judged: the firmware map (or the command line) calls it Soft Reserved and /proc/iomem, which shows such ranges, does not",
		"compare /sys/firmware/memmap, /proc/cmdline and /proc/iomem; dmesg shows what changed the memory map at boot ('e820')" },
	[DOUBT_ONLY_IOMEM] = {
		"it cannot be judged: /proc/iomem calls it Soft Reserved, the firmware map does not, and nothing on the command line made it so",
		"compare /sys/firmware/memmap, /proc/cmdline and /proc/iomem; dmesg shows what changed the memory map at boot ('e820')" },
};

/* The regions whose place could not be read. */
static const char *hidden_text(const struct soft_picture *p, struct arena *a)
{
	const char *text = NULL;

	for (size_t i = 0; i < p->n_regions; i++)
		if (p->regions[i].is_hidden) {
			const char *name = p->regions[i].span.name;

			text = text ? arena_printf(a, "%s, %s", text, name) : name;
			if (!text)
				return NULL;
		}
	return text ? text : "a region";
}

/* dax_hmem's devices that have memory of @r, as operands. */
static const char *hmem_text(const struct soft_picture *p, struct arena *a,
			     const struct soft_range *r)
{
	const char *text = NULL;

	for (size_t i = 0; i < p->n_dax; i++) {
		const struct soft_dax *d = &p->dax[i];

		if (d->owner != DAX_OF_HMEM || !interval_overlap(&d->ranges, r->start, r->end))
			continue;
		text = text ? arena_printf(a, "%s %s", text, d->name) : d->name;
		if (!text)
			return NULL;
	}
	return text ? text : "DEVICE";
}

/* As operands of a command. */
static const char *operands_text(struct arena *a, const char *const *names, size_t n)
{
	const char *text = n ? names[0] : "REGION";

	for (size_t i = 1; text && i < n; i++)
		text = arena_printf(a, "%s %s", text, names[i]);
	return text;
}

/* "region0, region1 and 14 more" */
static const char *names_text(struct arena *a, const char *const *names, size_t n)
{
	enum { SHOWN = 4 };
	const char *text = n ? names[0] : "none";

	for (size_t i = 1; text && i < n && i < SHOWN; i++)
		text = arena_printf(a, "%s, %s", text, names[i]);
	return text && n > SHOWN ? arena_printf(a, "%s and %zu more", text, n - SHOWN) : text;
}

static const char *size_text(struct arena *a, uint64_t bytes)
{
	char text[64];

	size_human(bytes, text, sizeof(text));
	return arena_strndup(a, text, strcspn(text, "(") - (strchr(text, '(') != NULL));	/* one of the two units */
}

static const char *why_ram(const struct soft_picture *p)
{
	if (p->cmdline.no_soft_reserve)
		return " (efi=nosoftreserve on the command line)";
	return p->cmdline.edits_map ? " (the command line changes the memory map)" : "";
}

/* What a word in braces stands for; NULL: no memory. */
static const char *value_of(const struct soft_picture *p, struct arena *a,
			    const struct soft_range *r, const char *key, size_t n)
{
#define IS(name) (n == sizeof(name) - 1 && !memcmp(key, name, n))
	if (IS("windows"))
		return names_text(a, r->windows, r->n_windows);
	if (IS("window"))
		return r->n_windows ? r->windows[0] : "DECODER";
	if (IS("regions"))
		return names_text(a, r->regions, r->n_regions);
	if (IS("region"))
		return operands_text(a, r->regions, r->n_regions);
	if (IS("hmem"))
		return hmem_text(p, a, r);
	if (IS("hidden"))
		return hidden_text(p, a);
	if (IS("dax"))
		return names_text(a, r->dax, r->n_dax);
	if (IS("stranded"))
		return size_text(a, r->stranded_bytes);
	if (IS("uncovered"))
		return size_text(a, r->uncovered_bytes);
	for (size_t i = 0; i < N_SOFT_MODULES; i++)
		if (n == strlen(soft_module_names[i]) && !memcmp(key, soft_module_names[i], n))
			return p->modules[i] ? p->modules[i] : "";
	if (IS("rest"))
		return r->stranded_bytes ? arena_printf(a, "%s of it belongs to nobody", size_text(a, r->stranded_bytes)) :
			"dax_hmem has the rest";
	return IS("why") ? why_ram(p) : "";
#undef IS
}

static const char *fill(const struct soft_picture *p, struct arena *a, const struct soft_range *r,
			const char *text)
{
	const char *out = "";

	while (text && *text && out) {
		size_t n = strcspn(text, "{"), key = text[n] ? strcspn(text + n, "}") : 0;
		const char *value = key ? value_of(p, a, r, text + n + 1, key - 1) : "";

		out = value ? arena_printf(a, "%s%.*s%s", out, (int)n, text, value) : NULL;
		text += n + (key ? key + 1 : 0);
	}
	return text ? out : NULL;
}

/* One more clause behind the sentence. */
static void append(struct arena *a, struct soft_range *r, const char *clause)
{
	if (r->text && clause)
		r->text = arena_printf(a, "%s; %s", r->text, clause);
}

static void append_modifiers(const struct soft_picture *p, struct arena *a, struct soft_range *r)
{
	if (r->modified[MODIFIER_ALIGN_LOSS]) {
		const char *loss = size_text(a, r->modifier_bytes[MODIFIER_ALIGN_LOSS]),
			   *block = size_text(a, p->block_bytes);

		append(a, r, loss && block ?
		       arena_printf(a, "as System RAM %s of it is lost to the alignment of memory blocks of %s%s", loss,
				    block, r->exceeds_align_loss ? ", more than --max-align-loss allows" : "") : NULL);
	}
	if (r->class != SOFT_INCONCLUSIVE && r->stranded_bytes && p->cmdline.edits_map &&
	    !interval_overlap(&p->cmdline.soft, r->start, r->end))
		append(a, r, "the command line changes the memory map, which may be why: boot without memmap= and mem= first");
	if (r->modified[MODIFIER_OFFLINE])
		append(a, r, "some of its memory blocks are offline");
	if (r->modified[MODIFIER_DEV_COHERENT])
		append(a, r, r->is_unproven ?
		       "a dax device is attached to a window for device-coherent memory, and no CDAT says that it may be" :
		       "a dax device is attached to a window for device-coherent memory");
	if (r->modified[MODIFIER_CDAT_MISMATCH])
		append(a, r, "the device's CDAT says that its memory is not to be Soft Reserved, so the firmware is broken");
	if (r->modified[MODIFIER_ORPHAN_IOMEM])
		append(a, r, "/proc/iomem shows a CXL object there that does not exist in sysfs");
	if (r->is_tainted)
		append(a, r, "another range makes Linux give up on CXL on this host");
}

/*
 * A new region takes the first addresses of its window that are free
 * (drivers/cxl/core/region.c: alloc_hpa()): are there any before @r?
 */
static bool is_free_before(const struct soft_picture *p, const struct soft_range *r)
{
	for (size_t i = 0; i < p->n_windows; i++) {
		uint64_t at = p->windows[i].span.start;

		if (at > r->start || p->windows[i].span.end < r->start)
			continue;
		for (size_t k = 0; at < r->start && k < p->n_regions; k++) {
			const struct soft_region *region = &p->regions[k];

			if (region->has_span && region->span.start <= at &&
			    region->span.end >= at) {
				at = region->span.end < r->start ? region->span.end + 1 : r->start;
				k = (size_t)-1;	/* the list is by name, not by address */
			}
		}
		if (at < r->start)
			return true;
	}
	return false;
}

/* What to do about memory without an owner, by what is in its way. */
static const char *no_owner_remedy(const struct soft_picture *p, const struct soft_range *r)
{
	if (p->windows_from_cedt)
		return "load the CXL drivers ('modprobe cxl_acpi'{cxl_acpi}); dmesg says why they did not bind";
	/* measured on 6.12: a new region goes beside the line, which counts as busy */
	if (!r->n_regions && interval_overlap(&p->iomem_soft, r->start, r->end))
		return "look for cxl in dmesg to see why no region was assembled; booting with " WITHOUT_CXL ", or kernel 7.1 and newer, give the memory to dax_hmem; a region made by hand ('cxl create-region -t ram -d {window}', ndctl 77 or newer) makes the device usable, but at other addresses than these, which /proc/iomem shows as taken";
	if (r->n_regions)
		return "{regions} is not committed and still holds addresses there: free them with 'cxl destroy-region {region}', then make a new region ('cxl create-region -t ram -d {window}', ndctl 77 or newer)";
	if (is_free_before(p, r))
		return "look for cxl in dmesg to see why no region was assembled; booting with " WITHOUT_CXL " gives the memory to dax_hmem on every kernel; a region made by hand ('cxl create-region -t ram -d {window}', ndctl 77 or newer) makes the device usable, but at other addresses than these: the first free ones of the window";
	return sentences[SOFT_NO_OWNER].remedy;
}

/* The remedy of what made the verdict worse than the class alone. */
static const char *other_remedy(const struct soft_range *r)
{
	if (r->modified[MODIFIER_ORPHAN_IOMEM])
		return "reboot: an object of the kernel's was removed in part; report it with 'cxl-sim capture' if it comes back";
	if (r->is_tainted)
		return "see the range that is given up";
	if (r->exceeds_align_loss && r->verdict == VERDICT_STRANDED)
		return "use it in devdax mode, where nothing is lost, or make the firmware align the range to memory blocks";
	return r->modified[MODIFIER_CDAT_MISMATCH] || r->is_unproven ?
		"ask the platform vendor for firmware that describes the memory as the device's CDAT says; memory of accelerators is to be EFI Reserved" :
		NULL;
}

int soft_explain(const struct soft_picture *p, struct arena *a, struct soft_range *r)
{
	const char *text = r->doubt ? doubts[r->doubt].text : sentences[r->class].text;
	const char *remedy = r->doubt ? doubts[r->doubt].remedy : sentences[r->class].remedy;

	if (r->class == SOFT_REGION_MISFIT && r->in_regions)
		text = "{regions} hold it only together: a part that the kernel decides about as a whole lies in none of them alone; {rest}";
	r->text = fill(p, a, r, text);
	append_modifiers(p, a, r);
	if (r->class == SOFT_NO_OWNER)
		remedy = no_owner_remedy(p, r);
	else if (r->class == SOFT_REGION_MISFIT && r->in_regions)
		remedy = "load dax_cxl ('modprobe dax_cxl'{dax_cxl}) and enable the regions ('cxl enable-region {region}'); kernel 7.1 and newer give such memory to dax_hmem at boot unless one region has all of it";
	if (!remedy || r->verdict != r->by_class || r->modified[MODIFIER_ORPHAN_IOMEM])
		remedy = other_remedy(r);
	r->remedy = remedy ? fill(p, a, r, remedy) : NULL;
	return r->text && (r->remedy || !remedy) ? 0 : -ENOMEM;
}
