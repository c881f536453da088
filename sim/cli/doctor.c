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
#include "util/render_text.h"

enum { MAX_STEPS = 16 };

/* Filled by the child: 1 = not tried. */
struct trial {
	int rc[MAX_STEPS];
};

struct doctor_options {
	struct common_options common;
	bool text;
};

static const struct opt doctor_opts[] = {
	TEXT_OPTIONS(struct doctor_options, common, text),
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

/* --- what is printed -------------------------------------------------------- */

static const struct text_line lines[] = {
	{ NULL, "cxl-sim run works here", "exit_status=0" },
	{ NULL, "cxl-sim run does not work here", "exit_status!=0" },
	{ "MISSING", "{id}: {text}; remedy: {remedy}", "ok=false,required=true", "rows" },
	{ "note", "{id}: {text}; remedy: {remedy}", "ok=false,required=false", "rows" },
	{ "ok", "{id}: {text}", "ok=true", "rows" },
	{ 0 }
};

static const struct render_column columns[] = {
	{ "CHECK", "id" }, { "OK", "ok" }, { "REQUIRED", "required", .rank = 1 }, { "WHAT", "text", .is_folded = true },
	{ "REMEDY", "remedy", .is_folded = true }, { 0 }
};

static void all_rows(struct json_object *record, struct json_object *rows)
{
	struct json_object *list = json_object_object_get(record, "rows");

	for (size_t i = 0; i < render_length(list); i++)
		render_append(rows, json_object_get(json_object_array_get_idx(list, i)));
}

static const struct render_colour colours[] = { { "id", NULL, COLOUR_BOLD }, { 0 } };
static const struct render_text text = { .head = lines };
static const struct render_table table = {
	.columns = columns, .rows = all_rows, .text = &text, .colours = colours
};
static const struct command_output doctor_output = { "cxl-sim-doctor/1", "rows", &table, .format = "human" };

static int run_doctor(int argc, char **argv)
{
	struct doctor_options o = { 0 };
	const struct messages none = { 0 };
	struct command_run run;
	struct json_object *rows;
	struct trial *trial;
	struct err err;
	int status;
	bool works;

	if (!command_begin(&cmd_doctor, argc, argv, &o, &o.common, &run, &status))
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
	return command_end(&run, works ? EXIT_DONE : EXIT_PREREQ, &none, rows);
}

const struct command cmd_doctor = {
	"doctor", "", "say whether simulated hosts can be run here, and what to do if not", doctor_opts, run_doctor,
	.output = &doctor_output,
};
