// SPDX-License-Identifier: GPL-2.0-only
/* cxl check-soft-reserved: which Soft Reserved memory has an owner, and which is stranded. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "cxl/common.h"
#include "lib/soft/soft_record.h"
#include "util/clock.h"
#include "util/parse.h"
#include "util/progress.h"
#include "util/size.h"

struct check_options {
	struct common_options common;
	bool allow_fallback;
	const char *sysroot, *policy, *max_align_loss, *settle, *progress;
};

static const struct opt check_opts[] = {
	{ "policy", 0, OPT_STRING, offsetof(struct check_options, policy), "POLICY",
	  "kernel (default): as kernel 7.1 and newer decide, range by range; strict: any mismatch with the CXL windows is given up",
	  .values = "kernel strict" },
	{ "allow-fallback", 0, OPT_FLAG, offsetof(struct check_options, allow_fallback), NULL,
	  "memory that dax_hmem owns in place of CXL is not a failure" },
	{ "max-align-loss", 0, OPT_STRING, offsetof(struct check_options, max_align_loss), "SIZE",
	  "a range that loses more than this to the alignment of memory blocks counts as stranded (2GiB, 512M, 0)" },
	{ "settle", 0, OPT_STRING, offsetof(struct check_options, settle), "SECONDS",
	  "while something has no owner, look again for that long: the kernel decides in the background" },
	PROGRESS_OPTION(struct check_options, progress),
	{ "sysroot", 0, OPT_STRING, offsetof(struct check_options, sysroot), "DIR",
	  "read an unpacked capture instead of this host" },
	COMMON_OPTIONS(struct check_options),
	{ 0 }
};

static struct json_object *record_nothing(void)
{
	static const struct soft_policy policy;

	return soft_record(NULL, NULL, &policy);
}

static const struct command_output check_output = {
	.schema = "cxl-check-soft-reserved/1", .table = &soft_table, .empty = record_nothing,
};

/* --- the command line ----------------------------------------------------- */

enum { MAX_SETTLE_US = 3600 * 1000000u };

/* "5", "2.5" (seconds), or with a unit as everywhere ("500ms"). */
static int parse_settle(const char *text, uint64_t *ret_us)
{
	char with_unit[32];

	if (!duration_parse(text, ret_us))
		return *ret_us > MAX_SETTLE_US ? -ERANGE : 0;
	if ((size_t)snprintf(with_unit, sizeof(with_unit), "%ss", text) >= sizeof(with_unit) ||
	    duration_parse(with_unit, ret_us))
		return -EINVAL;
	return *ret_us > MAX_SETTLE_US ? -ERANGE : 0;
}

static int parse_policy(const struct check_options *o, struct soft_policy *ret,
			uint64_t *ret_settle_us, enum progress_how *ret_how, struct err *err)
{
	char shown[48], ways[48];

	*ret = (struct soft_policy){ 0 };
	*ret_settle_us = 0;
	if (o->policy && strcmp(o->policy, "strict") && strcmp(o->policy, "kernel"))
		return err_set(err, EXIT_USAGE, 0, "--policy: '%s' is not a policy; use kernel or strict",
			       printable(o->policy, shown, sizeof(shown)));
	ret->strict = o->policy && !strcmp(o->policy, "strict");
	ret->has_max_align_loss = o->max_align_loss;
	if (o->max_align_loss && size_parse(o->max_align_loss, &ret->max_align_loss))
		return err_set(err, EXIT_USAGE, 0, "--max-align-loss: '%s' is not a size; write it as 2GiB, 512M or 0",
			       printable(o->max_align_loss, shown, sizeof(shown)));
	if (progress_parse(o->progress, false, ret_how, ways, sizeof(ways)))
		return err_set(err, EXIT_USAGE, 0, "--progress: '%s' is not a kind of progress; use %s",
			       printable(o->progress, shown, sizeof(shown)), ways);
	if (o->settle && parse_settle(o->settle, ret_settle_us))
		return err_set(err, EXIT_USAGE, 0, "--settle: '%s' is not a time up to an hour; write it as 5 or 500ms",
			       printable(o->settle, shown, sizeof(shown)));
	return 0;
}

/* --- reading until it settles ---------------------------------------------- */

enum { SETTLE_STEP_US = 200000 };

static void sleep_us(uint64_t us)
{
	struct timespec ts = { .tv_sec = (time_t)(us / 1000000),
			       .tv_nsec = (long)(us % 1000000) * 1000 };

	nanosleep(&ts, NULL);
}

static int read_and_judge(struct soft_host *soft, const char *sysroot,
			  const struct soft_policy *policy, struct soft_report *ret,
			  struct err *err)
{
	int rc = soft_read(soft, sysroot, err);

	if (!rc && soft_judge(&soft->picture, policy, &soft->reading.arena, ret))
		rc = err_no_memory(err, "");
	return rc;
}

/* Again and again until nothing is without an owner any more, or @settle_us are over. */
static int settle(struct soft_host *soft, const char *sysroot, const struct soft_policy *policy,
		  uint64_t settle_us, struct progress *progress, struct soft_report *ret,
		  struct err *err)
{
	uint64_t start = clock_now_us(), spent = 0;
	int rc = read_and_judge(soft, sysroot, policy, ret, err);

	/* a capture does not change */
	while (!rc && !soft->reading.fs.is_capture && soft_is_unsettled(ret) && spent < settle_us) {
		progress_say(progress, "memory without an owner: looking again for %" PRIu64 " s more ...",
			     (settle_us - spent + 999999) / 1000000);
		sleep_us(settle_us - spent < SETTLE_STEP_US ? settle_us - spent : SETTLE_STEP_US);
		soft_free(soft);
		rc = read_and_judge(soft, sysroot, policy, ret, err);
		spent = clock_now_us() - start;
	}
	progress_end(progress);
	if (!rc && settle_us && soft->reading.fs.is_capture)
		message_add(&soft->reading.messages, SEV_INFO, "SETTLE", NULL,
			    "a capture does not change, so --settle waits for nothing");
	return rc;
}

/* --- what is said ---------------------------------------------------------- */

static const struct {
	enum exit_status status;
	enum severity severity;
	const char *code;
} outcomes[] = {
	[VERDICT_OK] = { EXIT_DONE, SEV_INFO, "OK" },
	[VERDICT_INFO] = { EXIT_DONE, SEV_INFO, "INFO" },
	[VERDICT_FALLBACK] = { EXIT_NEGATIVE, SEV_WARNING, "FALLBACK" },
	[VERDICT_INCONCLUSIVE] = { EXIT_PREREQ, SEV_WARNING, "INCONCLUSIVE" },
	[VERDICT_STRANDED] = { EXIT_NEGATIVE, SEV_ERROR, "STRANDED" },
	[VERDICT_CONFLICT] = { EXIT_NEGATIVE, SEV_ERROR, "CONFLICT" },
	[VERDICT_GIVE_UP] = { EXIT_NEGATIVE, SEV_ERROR, "GIVE-UP-CXL" },
};

static void report_range(struct messages *messages, const struct soft_range *r)
{
	enum severity severity = outcomes[r->verdict].severity;
	char name[64];

	if (severity < SEV_WARNING && (r->modified[MODIFIER_CDAT_MISMATCH] || r->is_unproven))
		severity = SEV_WARNING;
	snprintf(name, sizeof(name), "0x%" PRIx64 "-0x%" PRIx64, r->start, r->end);
	message_add(messages, severity, outcomes[r->verdict].code, name,
		    "%s: %s%s%s", name, r->text,
		    r->remedy ? "; " : "", r->remedy ? r->remedy : "");
}

/* Is the range known to the kernel by SRAT?  Else nothing may register it. */
static void report_srat(struct messages *messages, const struct soft_picture *p,
			const struct soft_range *r)
{
	uint64_t bytes = 0;

	for (size_t i = 0; i < p->srat.n_memory; i++) {
		uint64_t start = p->srat.memory[i].start, end = p->srat.memory[i].end;

		start = start > r->start ? start : r->start;
		end = end < r->end ? end : r->end;
		bytes += start <= end ? interval_bytes(start, end) : 0;
	}
	if (p->srat.n_memory && !bytes)
		message_add(messages, SEV_WARNING, "SRAT", NULL,
			    "0x%" PRIx64 "-0x%" PRIx64 ": no memory entry of the SRAT is about this range, so the kernel may give it to a wrong NUMA node or to nobody",
			    r->start, r->end);
}

/* Firmware may have made the memory ordinary System RAM (its "legacy" mode, or efi=nosoftreserve). */
static bool report_ram_in_windows(struct messages *messages, const struct soft_picture *p)
{
	bool any = false;

	for (size_t i = 0; i < p->n_windows; i++) {
		const struct soft_span *w = &p->windows[i].span;
		uint64_t said = interval_overlap(&p->firmware_ram, w->start, w->end);
		uint64_t made = interval_overlap(&p->iomem_ram, w->start, w->end);
		char size[64];

		if (!said && !made)
			continue;
		any = true;
		message_add(messages, SEV_INFO, "RAM-IN-WINDOW", w->name,
			    "%s: %s of its memory is ordinary System RAM, not Soft Reserved, and cannot be dax memory; a firmware setting (CXL memory mode) or efi=nosoftreserve makes it so",
			    w->name, size_human(said > made ? said : made, size, sizeof(size)));
	}
	return any;
}

/* Firmware need not map every device's memory. */
static void report_unmapped(const struct cxl_host *host, const struct soft_picture *p,
			    const struct soft_report *report)
{
	bool mapped = !p->windows_known;	/* or who knows */

	for (size_t i = 0; i < report->n_ranges; i++)
		mapped |= report->ranges[i].in_window;
	if (mapped || report_ram_in_windows(host->messages, p))
		return;
	for (size_t i = 0; i < host->n_memdevs; i++) {
		const struct cxl_memdev *m = &host->memdevs[i];
		const struct cxl_region *region = host_region_of_memdev(host, m);
		char size[64];

		if (m->ram_bytes.known && m->ram_bytes.v)
			message_add(host->messages, SEV_INFO, "DEV-UNMAPPED", m->name,
				    "%s: firmware did not map its %s of volatile memory (no Soft Reserved range is in a CXL window); that is legal, %s%s",
				    m->name, size_human(m->ram_bytes.v, size, sizeof(size)), region ? region->name : "a region can be made by hand",
				    region ? " was made of it" : "");
	}
}

static void report_findings(const struct cxl_host *host, const struct soft_picture *p,
			    const struct soft_report *report)
{
	struct messages *messages = host->messages;

	if (report->no_source)
		message_add(messages, SEV_WARNING, "INCONCLUSIVE", NULL,
			    "whether there is Soft Reserved memory cannot be told: /sys/firmware/memmap is not to be had in full, and /proc/iomem, in which kernel 7.0 and newer show no such memory, has none; run the command as root on the host itself");
	else if (!report->n_ranges)
		message_add(messages, SEV_INFO, "NO-SOFT-RESERVED", NULL, "this host has no Soft Reserved range: nothing is stranded");
	for (size_t i = 0; i < report->n_ranges; i++) {
		report_range(messages, &report->ranges[i]);
		report_srat(messages, p, &report->ranges[i]);
	}
	if (!report->no_source)
		report_unmapped(host, p, report);
}

static int run_check_soft_reserved(int argc, char **argv)
{
	struct check_options o = { 0 };
	struct soft_report report = { 0 };
	struct progress progress = { 0 };
	struct json_object *members;
	struct soft_policy policy;
	struct command_run run;
	struct soft_host soft;
	int status = EXIT_DONE;
	uint64_t settle_us;
	struct err err;

	if (!command_begin(&cmd_check_soft_reserved, argc, argv, &o, &o.common, &run, &status))
		return status;
	soft = (struct soft_host){ .reading = HOST_UNREAD };
	if (parse_policy(&o, &policy, &settle_us, &progress.how, &err) ||
	    settle(&soft, o.sysroot, &policy, settle_us, &progress, &report, &err)) {
		status = (int)err.status;
		message_add_err(&soft.reading.messages, status == EXIT_USAGE ? "USAGE" : "HOST", &err);
		members = record_nothing();
	} else {
		status = (int)outcomes[report.verdict].status;
		if (report.verdict == VERDICT_FALLBACK && o.allow_fallback)
			status = EXIT_DONE;
		report_findings(&soft.reading.host, &soft.picture, &report);
		members = soft_record(&soft.picture, &report, &policy);
	}
	status = command_end(&run, status, &soft.reading.messages, members);
	soft_free(&soft);
	return status;
}

const struct command cmd_check_soft_reserved = {
	"check-soft-reserved", "", "Judge who owns Soft Reserved memory, and what is stranded.",
	check_opts, run_check_soft_reserved, .output = &check_output,
};
