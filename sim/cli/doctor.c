// SPDX-License-Identifier: GPL-2.0-only
/*
 * cxl-sim doctor: whether `run` works here.  It takes the same steps as a run,
 * in a child process, so what it says is what a run meets.
 */
#include <errno.h>
#include <json-c/json.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "config.h"
#include "sim/cli/verb.h"
#include "sim/run/stage.h"
#include "util/array.h"
#include "util/render.h"

enum { MAX_STEPS = 16 };

/* Filled by the child: 1 = not tried. */
struct trial {
	int rc[MAX_STEPS];
};

struct doctor_options {
	bool human, help;
};

static const struct opt doctor_opts[] = {
	{ "human", 'u', OPT_FLAG, offsetof(struct doctor_options, human), NULL, "text instead of JSON" },
	HELP_OPTION(struct doctor_options),
	{ 0 }
};

static void add_row(struct json_object *rows, const char *id, bool required, bool ok,
		    const char *text, const char *remedy)
{
	struct json_object *o = json_object_new_object();

	render_add_string(o, "id", id);
	render_add(o, "required", json_object_new_boolean(required));
	render_add(o, "ok", json_object_new_boolean(ok));
	render_add_string(o, "text", text);
	render_add_string(o, "remedy", ok ? NULL : remedy);
	json_object_array_add(rows, o);
}

static void try_steps(struct stage *stage, struct trial *trial)
{
	for (size_t i = 0; stage_steps[i].id; i++) {
		trial->rc[i] = stage_steps[i].run(stage);
		if (trial->rc[i] && stage_steps[i].required)
			break;
	}
}

static void add_step_row(struct json_object *rows, const struct stage_step *step, int rc)
{
	char text[300];

	if (rc > 0)
		snprintf(text, sizeof(text), "not tried: %s", step->what);
	else if (rc)
		snprintf(text, sizeof(text), "cannot %s: %s", step->what, strerror(-rc));
	else
		snprintf(text, sizeof(text), "can %s", step->what);
	add_row(rows, step->id, step->required, !rc, text, rc > 0 ? "first cure what fails before it" : step->remedy);
}

static bool diagnose_stage(struct json_object *rows, struct trial *trial)
{
	struct stage stage = { .fuse_fd = -1 };
	bool ok = true;
	char text[200];
	pid_t pid;

	for (size_t i = 0; i < MAX_STEPS; i++)
		trial->rc[i] = 1;
	pid = stage_fork(&stage);
	if (!pid) {
		try_steps(&stage, trial);
		_exit(0);
	}
	if (pid < 0)
		snprintf(text, sizeof(text), "new namespaces are refused: %s", strerror(-pid));
	else
		snprintf(text, sizeof(text), "can enter new namespaces%s",
			 stage.user_namespace ? ", with a user namespace" : " as root");
	add_row(rows, "namespaces", true, pid > 0, text, stage_namespace_remedy);
	while (pid > 0 && waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
	for (size_t i = 0; stage_steps[i].id; i++) {
		add_step_row(rows, &stage_steps[i], trial->rc[i]);
		ok = ok && (!trial->rc[i] || !stage_steps[i].required);
	}
	return ok && pid > 0;
}

static void diagnose_device(struct json_object *rows)
{
	bool ok = !access("/dev/fuse", F_OK);

	add_row(rows, "fuse-device", true, ok, ok ? "/dev/fuse exists" : "/dev/fuse does not exist",
		"load the module with 'modprobe fuse'; in a container, give it the device /dev/fuse");
}

static void diagnose_tools(struct json_object *rows)
{
	static const struct {
		const char *id, *program, *package;
	} tools[] = {
		{ "cxl", CXL_PROGRAM, CXL_PACKAGE },
		{ "daxctl", DAXCTL_PROGRAM, DAXCTL_PACKAGE },
	};

	for (size_t i = 0; i < ARRAY_SIZE(tools); i++) {
		bool ok = !access(tools[i].program, X_OK);
		char text[200], remedy[200];

		snprintf(text, sizeof(text), "the distribution's %s is %s%s", tools[i].program,
			 ok ? "installed" : "missing", ok ? "" : "; simulated hosts run without it");
		snprintf(remedy, sizeof(remedy), "install the package %s", tools[i].package);
		add_row(rows, tools[i].id, false, ok, text, remedy);
	}
}

static void print_text(struct json_object *rows, bool works)
{
	for (size_t i = 0; i < json_object_array_length(rows); i++) {
		struct json_object *row = json_object_array_get_idx(rows, i);
		bool ok = json_object_get_boolean(json_object_object_get(row, "ok"));
		bool required = json_object_get_boolean(json_object_object_get(row, "required"));

		printf("%-8s %-15s %s\n", ok ? "ok" : required ? "MISSING" : "note",
		       json_object_get_string(json_object_object_get(row, "id")),
		       json_object_get_string(json_object_object_get(row, "text")));
		if (!ok)
			printf("%-24s -> %s\n", "", json_object_get_string(json_object_object_get(row, "remedy")));
	}
	printf("cxl-sim run %s here\n", works ? "works" : "does not work");
}

static int print(struct json_object *rows, bool works, bool human)
{
	const struct messages none = { 0 };
	int status = works ? EXIT_DONE : EXIT_PREREQ;
	struct json_object *frame;
	struct err err;
	int rc = 0;

	if (human) {
		print_text(rows, works);
		json_object_put(rows);
		if (fflush(stdout))
			rc = err_set(&err, EXIT_REFUSED, errno, "the output cannot be written: %s", strerror(errno));
	} else {
		frame = render_frame("cxl-sim-doctor/1", status, &none);
		render_add(frame, "rows", rows);
		rc = render_write(render_find("json", NULL), frame, NULL, NULL, &err);
		json_object_put(frame);
	}
	return rc ? verb_failed(&err) : status;
}

static int run(int argc, char **argv)
{
	struct doctor_options o = { 0 };
	struct json_object *rows;
	struct trial *trial;
	int first, status;
	struct err err;
	bool works;

	if (!verb_start(&cmd_doctor, &o, &o.help, argc, argv, false, &first, &status))
		return status;
	trial = mmap(NULL, sizeof(*trial), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		     0);
	if (trial == MAP_FAILED) {
		err_set(&err, EXIT_REFUSED, ENOMEM, "out of memory");
		return verb_failed(&err);
	}
	rows = json_object_new_array();
	diagnose_device(rows);
	works = diagnose_stage(rows, trial);
	diagnose_tools(rows);
	munmap(trial, sizeof(*trial));
	return print(rows, works, o.human);
}

const struct command cmd_doctor = {
	"doctor", "", "say whether simulated hosts can be run here, and what to do if not", doctor_opts, run,
};
