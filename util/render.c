// SPDX-License-Identifier: GPL-2.0-only
/* Output back-ends: see render.h. */
#include "util/render.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "util/cleanup.h"
#include "util/render_format.h"
#include "util/size.h"

#define JSON_STYLE (JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_NOSLASHESCAPE)
enum { JSON_INDENT = 2 };	/* of JSON_C_TO_STRING_PRETTY */

void render_freeze(struct json_object *v, unsigned int depth)
{
	const char *text = json_object_to_json_string_ext(v, JSON_STYLE);
	size_t lines = 0, indent = (size_t)JSON_INDENT * depth;
	char *frozen, *out;

	for (const char *p = text; p && *p; p++)
		lines += *p == '\n';
	frozen = text ? malloc(strlen(text) + lines * indent + 1) : NULL;
	if (!frozen)
		return;
	for (out = frozen; *text; text++) {
		*out++ = *text;
		if (*text != '\n')
			continue;
		memset(out, ' ', indent);
		out += indent;
	}
	*out = '\0';
	json_object_set_serializer(v, json_object_userdata_to_json_string, frozen, json_object_free_userdata);
}

static int write_json(struct json_object *record, const struct render_table *table, FILE *f)
{
	const char *text = json_object_to_json_string_ext(record, JSON_STYLE);

	(void)table;
	if (!text)
		return -ENOMEM;
	fputs(text, f);
	fputc('\n', f);
	return 0;
}

static bool ends_with(const char *s, const char *end)
{
	size_t n = strlen(s), m = strlen(end);

	return n >= m && !strcmp(s + n - m, end);
}

bool render_is_size(const char *key)
{
	return !strcmp(key, "size") || !strcmp(key, "bytes") || ends_with(key, "_bytes");
}

/* A copy in which sizes and durations read as a person says them. */
static struct json_object *humanize(const char *key, struct json_object *v)
{
	struct json_object *copy;
	char text[64];

	if (json_object_is_type(v, json_type_array)) {
		copy = json_object_new_array();
		for (size_t i = 0; i < json_object_array_length(v); i++)
			json_object_array_add(copy, humanize(key, json_object_array_get_idx(v, i)));
		return copy;
	}
	if (json_object_is_type(v, json_type_object)) {
		copy = json_object_new_object();
		json_object_object_foreach(v, k, member) {
			char name[64];

			snprintf(name, sizeof(name), "%s", k);
			if (ends_with(k, "_us") && strlen(k) < sizeof(name))
				name[strlen(k) - strlen("_us")] = '\0';
			json_object_object_add(copy, name, humanize(k, member));
		}
		return copy;
	}
	if (json_object_is_type(v, json_type_int) && render_is_size(key))
		return json_object_new_string(size_human(json_object_get_uint64(v), text, sizeof(text)));
	if (json_object_is_type(v, json_type_int) && ends_with(key, "_us"))
		return json_object_new_string(duration_human(json_object_get_uint64(v), text, sizeof(text)));
	return json_object_get(v);
}

static int write_human(struct json_object *record, const struct render_table *table, FILE *f)
{
	struct json_object *copy = humanize("", record);
	int rc;

	if (!copy)
		return -ENOMEM;
	rc = write_json(copy, table, f);
	json_object_put(copy);
	return rc;
}

static bool has_columns(const struct render_table *table)
{
	return table && table->columns;
}

static bool has_tree(const struct render_table *table)
{
	return has_columns(table) && table->tree;
}

static bool has_metrics(const struct render_table *table)
{
	return table && table->metrics;
}

static bool has_map(const struct render_table *table)
{
	return table && table->map;
}

static int write_map(struct json_object *record, const struct render_table *table, FILE *f)
{
	return render_table_write(record, table->map, f);
}

static const struct render_format formats[] = {
	{ "json", NULL, write_json },
	{ "human", NULL, write_human },
	{ "table", has_columns, render_table_write },
	{ "map", has_map, write_map },
	{ "tree", has_tree, render_tree_write },
	{ "prometheus", has_metrics, render_prometheus_write },
};

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

const struct render_format *render_find(const char *name, const struct render_table *table)
{
	for (size_t i = 0; i < ARRAY_SIZE(formats); i++)
		if (!strcmp(formats[i].name, name) && (!formats[i].fits || formats[i].fits(table)))
			return &formats[i];
	return NULL;
}

const char *render_names(const struct render_table *table, char *buf, size_t size)
{
	size_t n = 0;

	buf[0] = '\0';
	for (size_t i = 0; i < ARRAY_SIZE(formats) && n < size; i++)
		if (!formats[i].fits || formats[i].fits(table))
			n += (size_t)snprintf(buf + n, size - n, "%s%s", n ? ", " : "", formats[i].name);
	return buf;
}

/* The value at dotted @path below @v; @ret_key is its last part. */
bool render_value_at(struct json_object *v, const char *path, char *key, size_t size, struct json_object **ret)
{
	*ret = v;
	snprintf(key, size, "%s", "");
	while (*path) {
		size_t n = strcspn(path, ".");

		snprintf(key, size, "%.*s", (int)n, path);
		if (!json_object_is_type(*ret, json_type_object) || !json_object_object_get_ex(*ret, key, ret))
			return false;
		path += n + (path[n] == '.');
	}
	return true;
}

int render_line(struct json_object *record, FILE *f, struct err *err)
{
	const char *text = json_object_to_json_string_ext(record, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE);
	int rc = 0;

	if (!text)
		return err_set(err, EXIT_REFUSED, ENOMEM, "out of memory");
	errno = 0;
	if (fputs(text, f) == EOF || fputc('\n', f) == EOF || fflush(f) || ferror(f))
		rc = errno ? -errno : -EIO;
	if (!rc)
		return 0;
	return err_set(err, EXIT_REFUSED, -rc, "the output cannot be written to standard output: %s", strerror(-rc));
}

static int write_stream(const struct render_format *format, struct json_object *record,
			const struct render_table *table, FILE *f)
{
	int rc = format->write(record, table, f);

	if (rc)
		return rc;
	errno = 0;
	if (fflush(f) || ferror(f))
		return errno ? -errno : -EIO;
	return 0;
}

/* A device or a pipe is written to, never replaced; a pipe that nobody reads is
 * an error, not a reason to wait. */
static int write_special(const struct render_format *format, struct json_object *record,
			 const struct render_table *table, const char *output)
{
	int fd = open(output, O_WRONLY | O_NONBLOCK | O_CLOEXEC);
	_cleanup_fclose_ FILE *f = fd < 0 ? NULL : fdopen(fd, "w");

	if (!f)
		return -errno;
	fcntl(fd, F_SETFL, O_WRONLY);
	return write_stream(format, record, table, f);
}

/* A new file beside @output, whose name behind links goes to @real. */
static int open_temp(const char *output, char real[static PATH_MAX], char temp[static PATH_MAX])
{
	int fd;

	if (!realpath(output, real) && (size_t)snprintf(real, PATH_MAX, "%s", output) >= PATH_MAX)
		return -ENAMETOOLONG;
	if ((size_t)snprintf(temp, PATH_MAX, "%s.XXXXXX", real) >= PATH_MAX)
		return -ENAMETOOLONG;
	fd = mkostemp(temp, O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

static bool is_special(const char *output)
{
	struct stat st;

	return !stat(output, &st) && !S_ISREG(st.st_mode);
}

/* The reader of a file sees the old content or the new, never a part. */
static int write_file(const struct render_format *format, struct json_object *record,
		      const struct render_table *table, const char *output)
{
	_cleanup_fclose_ FILE *f = NULL;
	char real[PATH_MAX], temp[PATH_MAX];
	mode_t mask;
	int fd, rc;

	if (is_special(output))
		return write_special(format, record, table, output);
	fd = open_temp(output, real, temp);
	if (fd < 0)
		return fd;
	mask = umask(0);
	umask(mask);
	f = fdopen(fd, "w");
	if (!f) {
		rc = -errno;
		close(fd);
		unlink(temp);
		return rc;
	}
	rc = write_stream(format, record, table, f);
	if (!rc && (fchmod(fd, 0644 & ~mask) || fsync(fd)))
		rc = -errno;
	if (!rc && rename(temp, real))
		rc = -errno;
	if (rc)
		unlink(temp);
	return rc;
}

int render_write(const struct render_format *format, struct json_object *record,
		 const struct render_table *table, const char *output, struct err *err)
{
	int rc = output ? write_file(format, record, table, output) :
		write_stream(format, record, table, stdout);

	if (!rc)
		return 0;
	return err_set(err, EXIT_REFUSED, -rc, "the output cannot be written to %.200s: %s",
		       output ? output : "standard output", strerror(-rc));
}

int render_check_output(const char *output, struct err *err)
{
	char real[PATH_MAX], temp[PATH_MAX];
	struct stat st;
	int fd;

	if (!stat(output, &st) && S_ISDIR(st.st_mode))
		fd = -EISDIR;
	else if (is_special(output))
		return 0;
	else
		fd = open_temp(output, real, temp);
	if (fd < 0)
		return err_set(err, EXIT_REFUSED, -fd, "the output cannot be written to %.200s: %s; nothing was done",
			       output, strerror(-fd));
	close(fd);
	unlink(temp);
	return 0;
}

struct json_object *render_frame(const char *schema, int exit_status, const struct messages *messages)
{
	struct json_object *frame = json_object_new_object();
	struct json_object *list = json_object_new_array();

	render_add_string(frame, "schema", schema);
	render_add(frame, "exit_status", json_object_new_int(exit_status));
	for (size_t i = 0; i < messages->n; i++) {
		const struct message *m = &messages->v[i];
		struct json_object *o = json_object_new_object();

		render_add_string(o, "severity", severity_names[m->severity]);
		render_add_string(o, "code", m->code);
		render_add_string(o, "target", m->target);
		render_add_string(o, "text", m->text);
		json_object_array_add(list, o);
	}
	render_add(frame, "messages", list);
	return frame;
}

void render_add(struct json_object *obj, const char *key, struct json_object *value)
{
	json_object_object_add_ex(obj, key, value, JSON_C_OBJECT_ADD_KEY_IS_NEW | JSON_C_OBJECT_ADD_CONSTANT_KEY);
}

void render_add_string(struct json_object *obj, const char *key, const char *value)
{
	render_add(obj, key, value ? json_object_new_string(value) : NULL);
}

void render_add_hex(struct json_object *obj, const char *key, bool known, uint64_t value)
{
	char text[32];

	snprintf(text, sizeof(text), "0x%" PRIx64, value);
	render_add_string(obj, key, known ? text : NULL);
}

void render_add_u64(struct json_object *obj, const char *key, bool known, uint64_t value)
{
	render_add(obj, key, known ? json_object_new_uint64(value) : NULL);
}
