// SPDX-License-Identifier: GPL-2.0-only
/* lib/read/host_again.c: a later snapshot is whole by itself, and the one before stays as it was. */
#include "test/unit/check_fixture.h"

#include "lib/read/host_read.h"
#include "lib/read/reader.h"

/* What else than the fixture has links: an endpoint each, an accelerator, memory without a region. */
struct more {
	struct cxl_endpoint endpoints[2];
	struct cxl_accelerator accelerator;
	struct loose_memory loose;
};

static void add_more(struct fixture *f, struct more *m)
{
	for (int i = 0; i < 2; i++) {
		m->endpoints[i] = (struct cxl_endpoint){ .name = "endpoint", .memdev = &f->memdevs[i],
							 .port = &f->bridges[i] };
		f->memdevs[i].endpoint = &m->endpoints[i];
		f->bridges[i].regions = f->regions;
		f->bridges[i].n_regions = 1;
	}
	f->bridges[1].parent = &f->bridges[0];
	f->bridges[1].root_port = &f->rps[0];
	m->accelerator = (struct cxl_accelerator){ .name = "0000:0d:00.0", .memdev = &f->memdevs[0] };
	f->rps[0].accelerators = &m->accelerator;
	f->rps[0].n_accelerators = 1;
	m->loose = (struct loose_memory){ .decoder = "decoder3.0", .memdev = &f->memdevs[1], .dax = &f->dax };
	f->host.endpoints = m->endpoints;
	f->host.n_endpoints = 2;
	f->host.loose = &m->loose;
	f->host.n_loose = 1;
	f->host.arena = &f->arena;
}

/* Does any word of [@v, @v + @size) lead into the fixture, but to what holds no link? */
static void leads_nowhere_else(const struct fixture *f, const struct more *m, const void *v,
			       size_t size)
{
	const struct { const void *start; size_t size; } old[] = {
		{ f->bridges, sizeof(f->bridges) }, { f->rps, sizeof(f->rps) },
		{ f->memdevs, sizeof(f->memdevs) }, { &f->region, sizeof(f->region) },
		{ &f->dax, sizeof(f->dax) }, { m, sizeof(*m) },
		{ f->below, sizeof(f->below) }, { f->regions, sizeof(f->regions) },
		{ f->tied, sizeof(f->tied) }, { f->targets, sizeof(f->targets) },
		{ f->in_region, sizeof(f->in_region) },
	};

	for (size_t at = 0; at + sizeof(uintptr_t) <= size; at += sizeof(uintptr_t)) {
		uintptr_t word;

		memcpy(&word, (const char *)v + at, sizeof(word));
		for (size_t i = 0; i < N_ELEMENTS(old); i++)
			assert_false(word - (uintptr_t)old[i].start < old[i].size);
	}
}

static void every_link_leads_into_the_copy(void **state)
{
	struct fixture *f = *state;
	const struct cxl_host *now;
	struct more m;

	add_more(f, &m);
	now = host_copy(&f->host);
	assert_non_null(now);
	leads_nowhere_else(f, &m, now, sizeof(*now));
	leads_nowhere_else(f, &m, now->ports, 2 * sizeof(*now->ports));
	leads_nowhere_else(f, &m, now->root_ports, 2 * sizeof(*now->root_ports));
	leads_nowhere_else(f, &m, now->memdevs, 2 * sizeof(*now->memdevs));
	leads_nowhere_else(f, &m, now->endpoints, 2 * sizeof(*now->endpoints));
	leads_nowhere_else(f, &m, now->regions, sizeof(*now->regions));
	leads_nowhere_else(f, &m, now->dax, sizeof(*now->dax));
	leads_nowhere_else(f, &m, now->loose, sizeof(*now->loose));
	leads_nowhere_else(f, &m, now->root_ports[0].accelerators, sizeof(m.accelerator));
	for (int i = 0; i < 2; i++) {
		assert_ptr_equal(now->root_ports[i].bridge, &now->ports[i]);
		assert_ptr_equal(now->root_ports[i].memdevs[0], &now->memdevs[i]);
		assert_ptr_equal(now->root_ports[i].regions[0], &now->regions[0]);
		assert_ptr_equal(now->root_ports[i].dax[0], &now->dax[0]);
		assert_ptr_equal(now->ports[i].regions[0], &now->regions[0]);
		assert_ptr_equal(now->memdevs[i].root_port, &now->root_ports[i]);
		assert_ptr_equal(now->memdevs[i].endpoint, &now->endpoints[i]);
		assert_ptr_equal(now->endpoints[i].memdev, &now->memdevs[i]);
		assert_ptr_equal(now->regions[0].targets[i], &now->memdevs[i]);
		assert_ptr_equal(now->regions[0].root_ports[i], &now->root_ports[i]);
	}
	assert_ptr_equal(now->ports[1].parent, &now->ports[0]);
	assert_ptr_equal(now->ports[1].root_port, &now->root_ports[0]);
	assert_ptr_equal(now->root_ports[0].accelerators[0].memdev, &now->memdevs[0]);
	assert_ptr_equal(now->regions[0].dax[0], &now->dax[0]);
	assert_ptr_equal(now->dax[0].region, &now->regions[0]);
	assert_ptr_equal(now->loose[0].memdev, &now->memdevs[1]);
	assert_ptr_equal(now->loose[0].dax, &now->dax[0]);
}

static void what_is_there_no_more_changes_in_the_later_one_alone(void **state)
{
	const bool wanted[] = { true, false };
	struct messages messages = { 0 };
	struct fixture *f = *state;
	const struct cxl_host *now;
	struct more m;
	struct err err;

	add_more(f, &m);
	f->host.messages = &messages;
	f->fs = (struct sysfs){ .rootfd = -1, .devicesfd = -1 };	/* nothing can be read */
	f->dax.driver = NULL;
	f->dax.users = &(struct dax_user){ .pid = 1 };
	f->dax.n_users = 1;
	now = host_look_again(&f->host, wanted, &err);
	assert_non_null(now);
	assert_false(now->root_ports[0].present);
	assert_false(now->root_ports[0].iso.regs.valid);
	assert_int_equal(now->dax[0].n_users, 0);
	assert_true(now->root_ports[1].present && now->root_ports[1].iso.regs.valid);

	assert_true(f->rps[0].present && f->rps[0].iso.regs.valid);
	assert_ptr_equal(f->rps[0].iso.kernel.backend, &iso_backend_sysfs_v1);
	assert_int_equal(f->dax.n_users, 1);
	messages_free(&messages);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(every_link_leads_into_the_copy),
		TEST(what_is_there_no_more_changes_in_the_later_one_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
