/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Simulated hosts: finding one by name, and building its tree from a capture,
 * the overlay's changes and the models.
 */
#ifndef SIM_HOST_H
#define SIM_HOST_H

#include <json-c/json.h>
#include <stddef.h>

#include "util/err.h"

struct sim;

struct host_entry {
	char *name;
	char *file;			/* the overlay */
};

struct host_list {
	struct host_entry *v;
	size_t n;
};

/* The build's hosts, beside the program; not there when it is installed. */
#define HOSTS_OF_BUILD "cxl-sim-hosts"

/* The path of @name in this program's directory; "" where that cannot be told. */
void host_beside_program(const char *name, char *buf, size_t size);

/* The built-in hosts, in natural order of their names. */
int host_list_read(struct host_list *ret, struct err *err);
void host_list_free(struct host_list *list);

/*
 * Fill @sim->tree, ports and kernel.  @host is a built-in's name, an overlay
 * (*.json), a capture's archive or directory.  @kernel NULL: the overlay's
 * choice; for a bare capture no models at all.
 */
int host_load(struct sim *sim, const char *host, const char *kernel, struct err *err);

/* An overlay file, checked: the caller owns it (json_object_put()); NULL on error. */
struct json_object *overlay_read(const char *file, struct err *err);

/*
 * Which of @n members @key is, each @size bytes and beginning with its key; @n, with @err
 * (EXIT_USAGE), for none.  @where begins the sentence: "platform: ".
 */
size_t overlay_key(const char *where, const char *key, const void *members, size_t size, size_t n,
		   struct err *err);

struct overlay_member {
	const char *key;
	enum json_type type;
};
/* Is @obj made of some of @n @members, each of its type?  Else -EINVAL with @err, as above. */
int overlay_members(const char *where, struct json_object *obj,
		    const struct overlay_member *members, size_t n, struct err *err);

/* Members of a checked overlay. */
const char *overlay_text(struct json_object *overlay, const char *key, const char *otherwise);

/* What the overlay (NULL: the default) says when the models are there: "busy_blocks", "dax",
 * "root_ports", and then, of models' files too, "unreadable". */
int overlay_apply_busy_blocks(struct sim *sim, struct json_object *overlay, struct err *err);
int overlay_lay_out_dax(struct sim *sim, struct json_object *overlay, struct err *err);
int overlay_attach_ports(struct sim *sim, struct json_object *overlay, struct err *err);
int overlay_apply_unreadable(struct sim *sim, struct json_object *overlay, struct err *err);

/* Carry out the overlay's "devices". */
int overlay_reshape(struct sim *sim, struct json_object *overlay, struct err *err);

/* Carry out the overlay's "accelerators": their functions, and when the models are there what their driver does. */
int overlay_add_functions(struct sim *sim, struct json_object *overlay, struct err *err);
int overlay_start_accelerators(struct sim *sim, struct json_object *overlay, struct err *err);

/* And its "soft_reserved", when its files say which kernel it is. */
int overlay_reserve(struct sim *sim, struct json_object *overlay, struct err *err);

/* Carry out the overlay's "files" and "etc". */
int overlay_apply_files(struct sim *sim, struct json_object *overlay, struct err *err);

#endif
