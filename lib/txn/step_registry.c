// SPDX-License-Identifier: GPL-2.0-only
/* The operations by their names, as a journal has them: see step.h. */
#include <string.h>

#include "lib/txn/dax_cut.h"
#include "lib/txn/step_port.h"
#include "lib/txn/users_step.h"
#include "util/array.h"

const struct step_op *step_op_by_name(const char *name)
{
	static const struct step_op *const others[] = {
		&step_users, &step_make_dax, &step_ranges, NULL,
	};
	const struct step_op *const *const tables[] = { step_ops, step_port_ops, others };

	for (size_t t = 0; t < ARRAY_SIZE(tables); t++)
		for (const struct step_op *const *op = tables[t]; *op; op++)
			if (!strcmp((*op)->name, name))
				return *op;
	return NULL;
}
