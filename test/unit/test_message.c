// SPDX-License-Identifier: GPL-2.0-only
/* util/message.c: each sentence once, also among many, and again after it was dropped. */
#include "test/unit/unit.h"

#include <stdio.h>

#include "util/message.h"

enum { MANY = 1000 };

static const char code[] = "CODE", other[] = "CODE ";

static void the_same_words_are_said_once(void **state)
{
	struct messages m = { 0 };

	(void)state;
	for (int round = 0; round < 2; round++)
		for (int i = 0; i < MANY; i++)
			message_add(&m, SEV_INFO, code, NULL, "sentence %d", i);
	assert_int_equal(m.n, MANY);
	for (int i = 0; i < MANY; i++) {
		char text[32];

		snprintf(text, sizeof(text), "sentence %d", i);
		assert_string_equal(m.v[i].text, text);
	}
	message_add(&m, SEV_INFO, other, NULL, "sentence 1");	/* about something else */
	assert_int_equal(m.n, MANY + 1);
	assert_int_equal(m.lost, 0);
	messages_free(&m);
}

static void what_was_dropped_can_be_said_again(void **state)
{
	struct messages m = { 0 };

	(void)state;
	messages_drop(&m, code, "mem0");
	message_add(&m, SEV_INFO, code, "mem0", "it is so");
	message_add(&m, SEV_INFO, code, "mem1", "it is so, too");
	messages_drop(&m, code, "mem0");
	assert_int_equal(m.n, 1);
	message_add(&m, SEV_INFO, code, "mem1", "it is so, too");
	assert_int_equal(m.n, 1);
	message_add(&m, SEV_INFO, code, "mem0", "it is so");
	assert_int_equal(m.n, 2);
	messages_drop(&m, code, "mem0");
	messages_drop(&m, code, "mem1");
	assert_int_equal(m.n, 0);
	message_add(&m, SEV_INFO, code, "mem0", "it is so");
	assert_int_equal(m.n, 1);
	messages_free(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_same_words_are_said_once),
		cmocka_unit_test(what_was_dropped_can_be_said_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
