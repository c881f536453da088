// SPDX-License-Identifier: GPL-2.0-only
/*
 * Checks of how regions lie across root ports, and of who made them: see
 * checks.h, and the table in table.c for what each is about.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "lib/check/checks.h"

const struct cxl_region *check_hidden_region(const struct check_context *ctx,
					     const struct cxl_root_port *rp)
{
	for (size_t i = 0; rp->may_have_more && i < ctx->host->n_regions; i++)
		if (region_may_touch(&ctx->host->regions[i], rp))
			return &ctx->host->regions[i];
	return NULL;
}

static bool is_covered(const struct check_context *ctx, const struct cxl_root_port *rp)
{
	return ctx->enabling[rp - ctx->host->root_ports] ||
	       iso_is_on(&rp->iso) == TRI_YES;
}

/* The command that enables all root ports of @r; where one of them cannot be, only another region helps. */
static const char *enable_all(const struct check_context *ctx, const struct cxl_region *r,
			      const char *all, struct arena *a)
{
	const char *registers = "";

	for (size_t i = 0; i < r->n_root_ports; i++) {
		const struct cxl_root_port *rp = r->root_ports[i];

		if (check_lacks_isolation(ctx, rp))
			return arena_printf(a, "%s cannot isolate: make a region below root ports that can, instead of this one (its contents are lost): cxl destroy-region -f %s",
					    rp->name, r->name);
		if (!iso_field_by_kernel(&rp->iso, ISO_MEM_ISOLATION) && rp->iso.regs.capable)
			registers = "--registers ";
	}
	return arena_printf(a, "cxl enable-isolation %s%s", registers, all ? all : r->name);
}

/* The same of memory without a region: decoders of one range below several root ports. */
static bool interleaves_loose(const struct check_context *ctx, const struct cxl_root_port *rp,
			      struct arena *a, struct finding *f)
{
	const struct cxl_host *host = ctx->host;
	const struct loose_memory *l = NULL;

	while ((l = loose_next_below(host, rp, l))) {
		for (size_t k = 0; k < host->n_loose; k++) {
			const struct cxl_root_port *other = host->loose[k].memdev->root_port;

			if (!other || other == rp || !loose_is_same(l, &host->loose[k]) ||
			    is_covered(ctx, other))
				continue;
			f->text = arena_printf(a, "the memory that %s of %s decodes without a region interleaves over %s, too: it is lost with either of them, and a failure there still resets the host",
					       l->decoder, l->memdev->name, other->name);
			f->remedy = arena_printf(a, "cxl enable-isolation %s %s", rp->name, other->name);
			return true;
		}
	}
	return false;
}

/* The root ports of @r other than @rp that are not covered, and whether that is only because nobody knows. */
static const char *uncovered(const struct check_context *ctx, const struct cxl_root_port *rp,
			     const struct cxl_region *r, struct arena *a, enum answer *ret)
{
	const char *others = "";

	*ret = ANSWER_HOLDS;
	for (size_t k = 0; k < r->n_root_ports; k++) {
		const struct cxl_root_port *other = r->root_ports[k];

		if (other == rp || is_covered(ctx, other))
			continue;
		if (*ret != ANSWER_FAILS)
			*ret = iso_is_on(&other->iso) == TRI_UNKNOWN ? ANSWER_UNTOLD : ANSWER_FAILS;
		others = arena_join(a, others, ", ", other->name);
	}
	return others ? others : "";
}

static const char *names_of(const struct cxl_region *r, struct arena *a)
{
	const char *all = "";

	for (size_t k = 0; k < r->n_root_ports; k++)
		all = arena_join(a, all, " ", r->root_ports[k]->name);
	return all;
}

enum answer check_interleaves(const struct check_context *ctx, const struct cxl_root_port *rp,
			      const struct iso_control *now, struct arena *a, struct finding *f)
{
	const struct cxl_region *hidden = check_hidden_region(ctx, rp);

	(void)now;
	for (size_t i = 0; i < rp->n_regions; i++) {
		const struct cxl_region *r = rp->regions[i];
		const char *others, *all;
		enum answer answer;

		if (r->state == REGION_RESET || r->state == REGION_HUSK)
			continue;	/* not committed: no traffic */
		others = uncovered(ctx, rp, r, a, &answer);
		if (answer == ANSWER_HOLDS)
			continue;
		all = names_of(r, a);
		f->text = answer == ANSWER_FAILS ?
			arena_printf(a, "%s interleaves over root ports %s: when %s is isolated the part on %s is lost with it, and a failure there still resets the host",
				     r->name, all ? all : "", rp->name, others) :
			arena_printf(a, "%s interleaves over root ports %s, and whether %s isolates cannot be told", r->name,
				     all ? all : "", others);
		f->remedy = a ? enable_all(ctx, r, all, a) : NULL;
		return answer;
	}
	if (interleaves_loose(ctx, rp, a, f))
		return ANSWER_FAILS;
	if (!hidden)
		return ANSWER_HOLDS;
	f->text = arena_printf(a, "whether %s interleaves over it cannot be told: a position of the region cannot be read", hidden->name);
	f->remedy = arena_printf(a, "ls -l /%s; then run the command again", hidden->path);
	return ANSWER_UNTOLD;
}

/* The commands that make @r again, its decoders programmed by the driver. */
static const char *make_anew(const struct cxl_region *r, struct arena *a)
{
	const char *memdevs = "";
	char decoder[64];

	for (size_t i = 0; i < r->n_targets; i++)
		memdevs = arena_join(a, memdevs, " ", r->targets[i] ? r->targets[i]->name : "memN");
	return arena_printf(a, "cxl destroy-region -f %s; cxl create-region -t %s -d %s -w %zu -m %s", r->name,
			    r->is_pmem ? "pmem" : "ram", region_root_decoder(r, decoder, sizeof(decoder)), r->n_targets,
			    memdevs ? memdevs : "memN");
}

/* A decoder that the driver programs belongs to a region. */
static bool is_loose(const struct check_context *ctx, const struct cxl_root_port *rp,
		     struct arena *a, struct finding *f)
{
	const struct loose_memory *l = loose_next_below(ctx->host, rp, NULL);

	if (!l)
		return false;
	f->text = arena_printf(a, "firmware programmed %s of %s, and no region has that memory: it cannot be torn down and made again",
			       l->decoder, l->memdev->name);
	f->remedy = "let the driver program the decoders: switch off in the firmware setup that firmware assembles CXL memory, and reboot; cxl check-soft-reserved says who owns the memory now";
	return true;
}

#define FIRMWARE_ADVICE "let the driver program the decoders: switch off in the firmware setup that firmware assembles CXL memory, and reboot"

enum answer check_firmware_made(const struct check_context *ctx, const struct cxl_root_port *rp,
				const struct iso_control *now, struct arena *a, struct finding *f)
{
	(void)now;
	for (size_t i = 0; i < rp->n_regions; i++) {
		const struct cxl_region *r = rp->regions[i];
		bool is_locked = r->lock == LOCK_DECODER;

		if (region_accelerator(r))
			continue;
		if (is_locked)
			f->text = arena_printf(a, "firmware made %s: %s is locked", r->name, r->locked_by);
		else if (r->linear_cache_bytes)
			f->text = arena_printf(a, "firmware made %s: it has an extended linear cache of %" PRIu64 " bytes", r->name,
					       r->linear_cache_bytes);
		else if (r->soft_reserved)
			f->text = arena_printf(a, "firmware most likely made %s: it lies in memory that the firmware map calls Soft Reserved",
					       r->name);
		else
			continue;
		f->remedy = is_locked ? FIRMWARE_ADVICE :
			/* Soft Reserved stays in the kernel's map of addresses, and no new region gets them */
			arena_printf(a, FIRMWARE_ADVICE "; or, where the window has room%s for another region (this loses the contents; volatile memory takes ndctl 77 or newer): %s",
				     r->soft_reserved ? " beside what is Soft Reserved" : "", make_anew(r, a));
		return ANSWER_FAILS;
	}
	return is_loose(ctx, rp, a, f) ? ANSWER_FAILS : ANSWER_HOLDS;
}

/* What helps depends on who locked it. */
static const char *lock_text(const struct cxl_region *r, struct arena *a, struct finding *f)
{
	const struct cxl_memdev *acc = region_accelerator(r);

	if (acc) {
		f->remedy = arena_printf(a, "none while its driver has %s: the driver itself has to give the region up, and the decoders above the device may keep it until a reboot, so that a driver's consent does not reach it", acc->name);
		return arena_printf(a, "%s cannot be torn down: the driver of %s keeps it", r->name, acc->name);
	}
	if (r->lock == LOCK_REGION) {
		f->remedy = "none in software: where the platform translates addresses (PRMT) every region is locked, and only a reboot resets its decoders; what must survive a failure of this port belongs on another platform";
		return arena_printf(a, "%s cannot be torn down before a reboot: the kernel locks it, though no decoder in its path is locked, as it does where the platform translates addresses", r->name);
	}
	return arena_printf(a, "%s cannot be torn down before a reboot: %s is locked", r->name, r->locked_by);
}

enum answer check_is_locked(const struct check_context *ctx, const struct cxl_root_port *rp,
			    const struct iso_control *now, struct arena *a, struct finding *f)
{
	const struct cxl_region *untold = NULL;

	(void)ctx;
	(void)now;
	for (size_t i = 0; i < rp->n_regions; i++) {
		const struct cxl_region *r = rp->regions[i];

		if (r->lock == LOCK_UNKNOWN)
			untold = untold ? untold : r;
		if (r->lock == LOCK_NONE || r->lock == LOCK_UNKNOWN)
			continue;
		f->text = lock_text(r, a, f);
		return ANSWER_FAILS;
	}
	if (!untold)
		return ANSWER_HOLDS;
	f->text = arena_printf(a, "whether %s is locked cannot be told: the attribute locked of a decoder in its path cannot be read", untold->name);
	f->remedy = "cat /sys/bus/cxl/devices/decoder*/locked; then run the command again";
	return ANSWER_UNTOLD;
}
