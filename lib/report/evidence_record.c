// SPDX-License-Identifier: GPL-2.0-only
/* What is kept of a root port that failed: see evidence_record.h. */
#include "lib/report/evidence_record.h"

#include <errno.h>
#include <fcntl.h>
#include <pci/header.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "config.h"
#include "lib/iso/pci_config.h"
#include "lib/read/read_functions.h"
#include "lib/report/record_status.h"
#include "util/array.h"
#include "util/ask.h"
#include "util/cleanup.h"
#include "util/parse.h"
#include "util/render.h"

enum {
	US_PER_S = 1000000,
	MAX_FUNCTIONS = 32, MAX_LOG_LINES = 64,
	LOG_BYTES = 64 << 10, MAX_RECORD = 8192,	/* of /dev/kmsg: a record a read */
	MAX_LOG_READS = 1 << 16,
	POLICY_BYTES = 1 << 16,
	FUNCTIONS_LIMIT_US = US_PER_S,
};

/* --- config space ---------------------------------------------------------------- */

/* @n of the PCI_CONFIG_BYTES that @config holds were read: without privilege 64. */
static void add_config(struct json_object *obj, const uint8_t *config, size_t n)
{
	static const char digits[] = "0123456789abcdef";
	char text[2 * PCI_CONFIG_BYTES + 1];

	for (size_t i = 0; i < n; i++) {
		text[2 * i] = digits[config[i] >> 4];
		text[2 * i + 1] = digits[config[i] & 15];
	}
	text[2 * n] = '\0';
	render_add_string(obj, "config", n ? text : NULL);
}

/* Advanced Error Reporting, PCIe r6.0 sec 7.8.4; zero behind what could be read. */
static struct json_object *aer_json(const uint8_t *config)
{
	static const struct {
		const char *name;
		unsigned int at;
	} registers[] = {
		{ "uncorrectable_status", PCI_ERR_UNCOR_STATUS }, { "uncorrectable_mask", PCI_ERR_UNCOR_MASK }, { "uncorrectable_severity", PCI_ERR_UNCOR_SEVER },
		{ "correctable_status", PCI_ERR_COR_STATUS }, { "correctable_mask", PCI_ERR_COR_MASK }, { "root_status", PCI_ERR_ROOT_STATUS },
		{ "source", PCI_ERR_ROOT_COR_SRC },
	};
	unsigned int at = pci_config_next_ext(config, PCI_EXT_CAP_ID_AER, 0);
	struct json_object *obj;

	if (!at)
		return NULL;
	obj = render_object();
	for (size_t i = 0; i < ARRAY_SIZE(registers); i++)
		render_add_hex(obj, registers[i].name, true,
			       pci_config_long(config, at + registers[i].at));
	return obj;
}

/* All ones is no answer (PCIe r6.0 sec 2.3.2). */
static bool is_answer(const uint8_t *config, ssize_t n)
{
	return n >= 4 && pci_config_long(config, 0) != 0xffffffff;
}

static ssize_t read_config(struct sysfs *fs, const char *function, uint8_t *config)
{
	char path[96];

	memset(config, 0, PCI_CONFIG_BYTES);
	snprintf(path, sizeof(path), "sys/bus/pci/devices/%.32s/config", function);
	return sysfs_read_bytes(fs, path, 0, config, PCI_CONFIG_BYTES);
}

static void add_function(struct json_object *obj, const uint8_t *config, ssize_t n)
{
	bool answers = is_answer(config, n);

	add_config(obj, config, answers ? (size_t)n : 0);
	render_add(obj, "aer", answers ? aer_json(config) : NULL);
}

/* --- the port ---------------------------------------------------------------------- */

static struct json_object *registers_json(const struct cxl_host *host,
					  const struct cxl_root_port *rp)
{
	const struct iso_registers *regs = &rp->iso.regs;
	struct json_object *obj = render_object();
	uint8_t config[PCI_CONFIG_BYTES];

	render_add_hex(obj, "isolation_capability", regs->capable, regs->cap);
	render_add_hex(obj, "isolation_control", regs->capable, regs->ctrl);
	render_add_hex(obj, "isolation_status", regs->capable, regs->status);
	add_function(obj, config, read_config(host->fs, rp->name, config));
	return obj;
}

/* The last lines of the kernel's log, the oldest first; a line that goes on is indented. */
static struct json_object *log_lines(const char *text)
{
	struct json_object *list = render_array();
	const char *end = text + strlen(text), *at = end;
	char line[256], shown[256];
	size_t lines = 0;

	while (at > text && lines <= MAX_LOG_LINES)
		lines += *--at == '\n';
	for (at += *at == '\n'; at < end; at += strcspn(at, "\n") + 1) {
		snprintf(line, sizeof(line), "%.*s", (int)strcspn(at, "\n"), at);
		if (*line && *line != ' ' && render_length(list) < MAX_LOG_LINES)
			render_append(list, render_string(printable(line, shown, sizeof(shown))));
		if (at + strcspn(at, "\n") >= end)
			break;
	}
	return list;
}

/* NULL where it cannot be read.  EPIPE: some were lost, the next one is there. */
static struct json_object *kernel_log(struct sysfs *fs, struct arena *a)
{
	_cleanup_close_ int fd = sysfs_open(fs, "dev/kmsg", O_RDONLY | O_NONBLOCK);
	char *text = fd < 0 ? NULL : arena_alloc(a, LOG_BYTES + 1, 1);
	size_t n = 0;

	if (!text)
		return NULL;
	for (int i = 0; i < MAX_LOG_READS; i++) {
		ssize_t got;

		if (n + MAX_RECORD > LOG_BYTES) {
			memmove(text, text + n / 2, n - n / 2);
			n -= n / 2;
		}
		got = read(fd, text + n, MAX_RECORD);
		if (got < 0 && (errno == EPIPE || errno == EINTR))
			continue;
		if (got <= 0)
			break;
		n += (size_t)got;
	}
	text[n] = '\0';
	return strlen(text) == n ? log_lines(text) : NULL;
}

static struct json_object *versions_json(const struct cxl_host *host)
{
	struct json_object *obj = render_object();

	render_add_string(obj, "cxl_isolation", PROJECT_VERSION);
	render_add_string(obj, "kernel", host->platform.kernel);
	return obj;
}

static struct json_object *policy_json(const struct cxl_host *host)
{
	char *text;
	size_t n;
	int rc = sysfs_read_whole(host->fs, host->arena, &POLICY_FILE[1], POLICY_BYTES, &text, &n);

	return !rc && strlen(text) == n ? render_string(text) : NULL;
}

struct json_object *evidence_status(const struct cxl_host *host, const struct cxl_root_port *rp)
{
	struct status_parts parts = { .checks = false };
	struct json_object *list, *ret;
	struct check_result *results;
	struct target_set set;
	struct impact *impact;
	struct err err;

	if (target_set_init(host, host->arena, false, &set) ||
	    target_add(host, rp->name, TARGET_PCI, &set, &err) ||
	    check_run_all(host, host->arena, false, &results))
		return NULL;
	if (!impact_read(host, &set, &impact, &err))
		parts.impact = impact;
	list = record_status(host, &set, results, &parts);
	ret = render_length(list) ? json_object_get(json_object_array_get_idx(list, 0)) : NULL;
	json_object_put(list);
	return ret;
}

struct json_object *evidence_record(const struct cxl_host *host, const struct cxl_root_port *rp)
{
	struct json_object *obj = render_object();
	time_t now = time(NULL);
	char date[32];
	struct tm tm;

	strftime(date, sizeof(date), "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&now, &tm));
	render_add_string(obj, "root_port", rp->name);
	render_add_string(obj, "time", date);
	render_add(obj, "versions", versions_json(host));
	render_add(obj, "registers", registers_json(host, rp));
	render_add(obj, "record", evidence_status(host, rp));
	render_add(obj, "policy", policy_json(host));
	render_add(obj, "kernel_log", kernel_log(host->fs, host->arena));
	render_add(obj, "functions", NULL);
	return obj;
}

/* --- what is below it ----------------------------------------------------------------- */

struct question {
	const struct function_uses *functions;
	size_t n;
};

/* Of one function. */
struct config_answer {
	int32_t n;	/* bytes of it, or -errno */
	uint8_t config[PCI_CONFIG_BYTES];
};

/* In the child. */
static void ask_functions(int fd, void *data)
{
	const struct question *q = data;
	struct config_answer answer;
	struct sysfs fs;
	struct err err;

	if (sysfs_init(&fs, NULL, &err))
		return;
	for (size_t i = 0; i < q->n; i++) {
		answer.n = (int32_t)read_config(&fs, q->functions->v[i].name, answer.config);
		if (ask_answer(fd, &answer, sizeof(answer)))
			return;
	}
}

struct json_object *evidence_functions(const struct cxl_host *host, const struct cxl_root_port *rp)
{
	struct function_uses uses;
	struct question q = { &uses, 0 };
	struct json_object *list;
	struct config_answer *answers;
	size_t n = 0;

	if (functions_read(host, (size_t)(rp - host->root_ports), &uses))
		return NULL;
	q.n = uses.n < MAX_FUNCTIONS ? uses.n : MAX_FUNCTIONS;
	answers = arena_alloc(host->arena, q.n, sizeof(*answers));
	if (!answers)
		return NULL;
	if (q.n)
		ask_in_child(ask_functions, &q, FUNCTIONS_LIMIT_US, answers,
			     q.n * sizeof(*answers), &n);
	list = render_array();
	for (size_t i = 0; i < q.n; i++) {
		bool has_answered = (i + 1) * sizeof(*answers) <= n;
		struct json_object *obj = render_object();

		render_add_string(obj, "function", uses.v[i].name);
		render_add_string(obj, "driver", uses.v[i].driver);
		add_function(obj, answers[i].config, has_answered ? answers[i].n : -1);
		render_append(list, obj);
	}
	return list;
}
